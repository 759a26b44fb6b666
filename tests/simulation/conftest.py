"""What all simulations share."""

import pytest

from tests.simulation.reading import keep_what_is_read


@pytest.fixture(autouse=True)
def documents_are_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Documents are read through what this process has read before."""
    keep_what_is_read(monkeypatch)
