"""A step of a workflow costs about as much as it did when the baseline was written.

CPU time is counted in rounds of a calibration that runs beside it, so that the machine does not matter;
allocations are counted one by one.
"""

import os
from itertools import repeat

import pytest

from tests.cost.allocations import counted_allocations
from tests.cost.baseline import BASELINE, PYTHON, growth, read_baseline
from tests.cost.measure import ROOT, Cost, measure_apart

ADVICE = """

Look at a profile first: python -m cProfile -s tottime -m tests.cost.measure
When the cost is meant and worth it: make bench-baseline, and say in the commit what it buys."""


@pytest.fixture(scope="module")
def cost() -> Cost:
    return measure_apart()


def test_a_step_costs_no_more_than_the_baseline_allows(cost: Cost) -> None:
    baseline = read_baseline()
    if baseline is None:
        name = BASELINE.relative_to(ROOT)
        missing = f"{name} has no figures for Python {PYTHON}: 'make bench-baseline' writes them"
        if os.environ.get("CI"):
            pytest.fail(missing)
        pytest.skip(missing)
    grown = list(growth(cost, baseline))
    assert not grown, "\n".join(grown) + ADVICE


def test_steps_of_double_work_are_noticed(cost: Cost) -> None:
    dearer = measure_apart(rounds_more=round(cost.cpu_per_step))
    assert any(sentence.startswith("CPU time per step") for sentence in growth(dearer, cost))


def test_a_quarter_more_allocations_are_noticed_and_taken_for_nothing_else(cost: Cost) -> None:
    dearer = measure_apart(blocks_more=round(cost.allocations_per_step / 4))
    (sentence,) = growth(dearer, cost)
    assert sentence.startswith("allocations per step")


def test_the_limits_are_half_as_much_cpu_time_and_fifteen_percent_of_allocations() -> None:
    baseline = Cost(10.0, 200.0)
    assert list(growth(Cost(15.0, 229.9), baseline)) == []
    assert list(growth(Cost(15.1, 231.0), baseline)) == [
        "CPU time per step: 15.1, which is 51% more than the 10 of bench/baseline.json; "
        "at most 50% more is allowed, which is 15",
        "allocations per step: 231, which is 16% more than the 200 of bench/baseline.json; "
        "at most 15% more is allowed, which is 230",
    ]


def test_what_is_given_back_at_once_is_counted_too() -> None:
    with counted_allocations() as none:
        pass
    with counted_allocations() as allocations:
        for _ in repeat(None, 1_000):
            object()
    assert allocations.count - none.count == pytest.approx(1_000, abs=20)
