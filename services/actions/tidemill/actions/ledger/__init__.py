"""The effect ledger: one port, and implementations in memory and in SQLite."""
