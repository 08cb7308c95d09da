"""Thin adapters over `tools/`: the command line and the JSON API."""
