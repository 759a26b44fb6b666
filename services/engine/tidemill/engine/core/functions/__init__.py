"""The functions of the default catalog, run by the Engine itself: one module a function, and one table."""
