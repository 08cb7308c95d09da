"""The ground floor: events, catalog, store, importers, features and the numeric interest profile."""

from behavior.catalog import Catalog, Topic
from behavior.features import MODEL_ONLY, topic_features
from behavior.ingest import Account, Rejection, check_event, event_frame, ingest
from behavior.interest import build_interest, build_profile, strength, trait_values
from behavior.interest_model import InterestModel
from behavior.schema import Event, Interest, InterestProfile, Item, Trait
from behavior.settings import Settings
from behavior.store import EventStore, StoreError

__all__ = [
    "MODEL_ONLY",
    "Account",
    "Catalog",
    "Event",
    "EventStore",
    "Interest",
    "InterestModel",
    "InterestProfile",
    "Item",
    "Rejection",
    "Settings",
    "StoreError",
    "Topic",
    "Trait",
    "build_interest",
    "build_profile",
    "check_event",
    "event_frame",
    "ingest",
    "strength",
    "topic_features",
    "trait_values",
]
