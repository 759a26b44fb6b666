"""The fault run: a load of executions on a real cluster while all that can fail does, and the proof."""
