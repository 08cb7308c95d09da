"""Free-text search over topics: by words, by meaning, and by both."""
