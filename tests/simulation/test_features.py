"""What the language means, told in Gherkin for authors, and played in a whole Tidemill on a virtual clock."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from pytest_bdd import scenarios

from tests.simulation.steps.play import Play

_STEPS = ("workflows", "outside", "events", "times", "executions")

pytest_plugins = [f"tests.simulation.steps.{module}" for module in _STEPS]

scenarios(str(Path(__file__).parent / "features"))


@pytest.fixture
def play() -> Iterator[Play]:
    """A world of its own for each scenario."""
    with asyncio.Runner() as runner:
        yield Play(runner)
