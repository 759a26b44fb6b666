"""Lanes as aggregates: who waits for events in a lane, what it has heard lately, and what it counts. Pure."""
