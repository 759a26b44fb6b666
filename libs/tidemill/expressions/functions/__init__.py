"""The builtin functions, by theme. Each module lists its own in `FUNCTIONS`, by name and arity."""
