"""The Triggers service: turns events from outside into starts of executions."""
