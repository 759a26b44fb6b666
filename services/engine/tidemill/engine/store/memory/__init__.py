"""The store in memory, the oracle of the others; `store.py` is what the ports ask for."""
