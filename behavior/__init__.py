"""The ground floor: events, catalog, store, importers, features and the numeric interest profile."""

from behavior.catalog import Catalog, Topic
from behavior.features import topic_features
from behavior.ingest import Account, Rejection, check_event, event_frame, ingest
from behavior.interest import build_profile, strength, trait_values
from behavior.schema import Event, Interest, InterestProfile, Item, Trait
from behavior.settings import Settings
from behavior.store import EventStore, StoreError

__all__ = [
    "Account",
    "Catalog",
    "Event",
    "EventStore",
    "Interest",
    "InterestProfile",
    "Item",
    "Rejection",
    "Settings",
    "StoreError",
    "Topic",
    "Trait",
    "build_profile",
    "check_event",
    "event_frame",
    "ingest",
    "strength",
    "topic_features",
    "trait_values",
]
