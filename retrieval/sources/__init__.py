"""Candidate sources: each scores items from what a user bought before."""
