"""The command log: one port, and an implementation for one machine."""
