"""Several real engines on a virtual clock, with seeded faults and invariants."""
