"""The harness: each ability has a number, a baseline from the same run, and one command that reproduces it."""
