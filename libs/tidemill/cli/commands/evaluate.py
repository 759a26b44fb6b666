"""`eval`: expressions without any service."""


def evaluate() -> None:
    """Evaluate expressions."""
