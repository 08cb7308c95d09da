"""Candidate sources and their fusion: co-purchase, repeat purchase, text."""

from retrieval.cooccurrence import Cooccurrence, Neighbour
from retrieval.repeat import Habit, habits
from retrieval.text import TopicIndex

__all__ = ["Cooccurrence", "Habit", "Neighbour", "TopicIndex", "habits"]
