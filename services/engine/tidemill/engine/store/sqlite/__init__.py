"""The store in one file; `store.py` is what the ports ask for, and the others are its parts."""
