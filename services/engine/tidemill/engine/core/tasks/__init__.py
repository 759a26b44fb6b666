"""The kinds of tasks: one module a kind, and one registry."""
