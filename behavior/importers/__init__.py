"""Readers of shops' data: each yields frames with the columns of an event, to be checked and stored by `ingest`."""
