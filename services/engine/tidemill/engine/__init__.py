"""The Engine: definitions, executions, their history and their timers."""
