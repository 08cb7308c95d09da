"""Candidate sources and their fusion: co-purchase, repeat purchase, collaborative filtering, text; what may be recommended."""

from retrieval.als import ALS
from retrieval.content import Content
from retrieval.cooccurrence import Cooccurrence, Neighbour
from retrieval.decayed import DecayedCooccurrence
from retrieval.ease import EASE
from retrieval.filters import Filter, Shelf, diverse, narrow
from retrieval.fusion import Fusion
from retrieval.interactions import History, Interactions
from retrieval.neighbours import ItemKNN
from retrieval.popularity import Popularity
from retrieval.repeat import Habit, Repeat, habits
from retrieval.sequential import Sequential
from retrieval.source import Contribution, Ranking, Source, StaleModel, rank, recommend
from retrieval.text import TopicIndex
from retrieval.vectors import open_chroma

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
