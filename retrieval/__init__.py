"""Candidate sources and their fusion: co-purchase, repeat purchase, collaborative filtering, text; what may be recommended."""

from retrieval.carts.cooccurrence import Cooccurrence, Neighbour
from retrieval.filters import Filter, Shelf, diverse, narrow
from retrieval.fusion import Fusion
from retrieval.interactions import History, Interactions
from retrieval.search.text import TopicIndex
from retrieval.search.vectors import open_chroma
from retrieval.source import Contribution, Ranking, Source, StaleModel, rank, recommend
from retrieval.sources.als import ALS
from retrieval.sources.content import Content
from retrieval.sources.decayed import DecayedCooccurrence
from retrieval.sources.ease import EASE
from retrieval.sources.neighbours import ItemKNN
from retrieval.sources.popularity import Popularity
from retrieval.sources.repeat import Habit, Repeat, habits
from retrieval.sources.sequential import Sequential

__all__ = [
    "ALS",
    "EASE",
    "Content",
    "Contribution",
    "Cooccurrence",
    "DecayedCooccurrence",
    "Filter",
    "Fusion",
    "Habit",
    "History",
    "Interactions",
    "ItemKNN",
    "Neighbour",
    "Popularity",
    "Ranking",
    "Repeat",
    "Sequential",
    "Shelf",
    "Source",
    "StaleModel",
    "TopicIndex",
    "diverse",
    "habits",
    "narrow",
    "open_chroma",
    "rank",
    "recommend",
]
