"""`bench`: what the whole stack does on this machine."""


def bench() -> None:
    """Measure."""
