"""The store: what must survive, behind small ports; one implementation in memory, one in SQLite."""
