"""The quick way: common shapes compiled to plain Python closures, without steps.

A `Single` gives exactly one output (or raises), a `Many` gives an iterator of outputs. Straight-line code
is not charged, because the size of the program bounds it; every loop charges the size of its body per round.
"""
