"""Turns each kind of syntax node into steps of the machine, by topic."""
