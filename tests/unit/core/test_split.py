"""`split` takes one branch by weight, the same one for the same subject."""

from collections import Counter

import pytest

from tests.unit.core.driver import Driver, Task, Value
from tidemill.dsl import DocumentError
from tidemill.engine.core.commands import Start
from tidemill.engine.core.payload import Payload

AB: Value = [{"name": "a", "weight": 1}, {"name": "b", "weight": 3}]


def split(branches: Value = AB) -> Task:
    return {"choose": {"call": "split:1.0.0@default", "with": {"branches": branches}}}


def taken(
    execution: int, subject: str = "", *, branches: Value = AB, before: int = 0, workflow: str = "orders"
) -> str:
    driver = Driver(*[{f"t{index}": {"set": {}}} for index in range(before)], split(branches))
    driver.checks = False
    start = Start(
        execution_id=f"0a1b2c3d-0190f0aa-1111-7222-8333-{execution:012}",
        namespace="shop",
        workflow=workflow,
        version="1.2.3",
        subject=subject,
        input=Payload.of({"weights": [1, 3]}),
    )
    driver.command(start)
    assert isinstance(driver.output, dict)
    return str(driver.output["branch"])


def test_each_branch_has_the_share_that_its_weight_is() -> None:
    counted = Counter(taken(1, f"contact-{index}") for index in range(2_000))
    # Three standard deviations of 2,000 draws are 58.
    assert abs(counted["a"] - 500) < 58
    assert counted["a"] + counted["b"] == 2_000


def test_a_subject_takes_the_same_branch_in_every_execution() -> None:
    for subject in ("contact-1", "contact-2", "contact-3"):
        assert len({taken(execution, subject) for execution in range(20)}) == 1


def test_without_a_subject_executions_differ() -> None:
    assert {taken(execution) for execution in range(40)} == {"a", "b"}
    assert len({taken(7) for _ in range(5)}) == 1


def test_splits_at_other_places_and_in_other_workflows_are_independent() -> None:
    subjects = [f"contact-{index}" for index in range(60)]
    here = [taken(1, subject) for subject in subjects]
    assert here != [taken(1, subject, before=1) for subject in subjects]
    assert here != [taken(1, subject, workflow="others") for subject in subjects]


def test_a_weight_of_zero_is_never_taken_and_weights_may_be_expressions() -> None:
    none: Value = [{"name": "a", "weight": 0}, {"name": "b", "weight": "${ .weights[1] }"}]
    assert {taken(execution, branches=none) for execution in range(40)} == {"b"}


@pytest.mark.parametrize(
    "branches",
    [
        "${ .nothing }",
        [{"name": "a", "weight": 0}],
        [{"name": "${ .nothing }", "weight": 1}],
        [{"name": "a", "weight": "${ -1 }"}],
        [{"name": "a", "weight": "${ 0.5 }"}],
        [{"name": "a", "weight": 1}, {"name": '${ "a" }', "weight": 1}],
    ],
)
def test_what_names_no_branch_is_an_error_of_the_task(branches: Value) -> None:
    driver = Driver(split(branches)).start()
    assert driver.error.type.endswith("/errors/expression")
    assert driver.error.instance == "/do/0/choose"


def test_a_catalog_of_the_documents_own_has_the_name_first() -> None:
    own: Value = {"catalogs": {"default": {"endpoint": "https://example.com/"}}}
    with pytest.raises(DocumentError) as refused:
        Driver(split(), use=own)
    assert refused.value.problems[0].pointer == "/do/0/choose/call"
