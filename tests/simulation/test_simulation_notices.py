"""The simulation can fail: every error that is put into the engine on purpose is found, and soon."""

from collections.abc import Iterator

import pytest
import structlog

from tests.simulation.cluster.mistakes import MISTAKES
from tests.simulation.cluster.runs import play

# Most are found by the first few seeds; what it takes a refused commit for, by one in a thousand.
SEEDS_MAX = 3_000
_CRITICAL = 50


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    before = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(_CRITICAL))
    yield
    structlog.configure(**before)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_found(name: str) -> None:
    with MISTAKES[name]():
        assert any(play(seed).violation is not None for seed in range(SEEDS_MAX))


def test_without_a_mistake_the_same_seeds_hold() -> None:
    assert [play(seed).violation for seed in range(20)] == [None] * 20
