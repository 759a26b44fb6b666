"""The shell around the core: what waits, the batch step, and what is released after a commit."""
