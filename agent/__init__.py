"""What an LLM reads and writes: the refs on the candidate bus, the roles' prompts, tool results as text."""
