"""`raise` raises an error on purpose."""

import pytest

from tests.unit.core.driver import PROBLEM_TYPE, Driver, Task, Value
from tidemill.dsl import DocumentError
from tidemill.engine.core.problems import Problem


def raising(error: Value, **members: Value) -> Driver:
    return Driver({"oops": {"raise": {"error": error}}}, **members)


def test_an_inline_error_gets_the_tasks_reference() -> None:
    driver = raising({"type": PROBLEM_TYPE, "status": 400, "title": "Compliance"}).start()
    assert driver.error == Problem(PROBLEM_TYPE, 400, "Compliance", "", "/do/0/oops")


def test_an_error_by_name_is_found_in_use() -> None:
    use: Value = {"errors": {"late": {"type": PROBLEM_TYPE, "status": 409}}}
    assert raising("late", use=use).start().error == Problem(PROBLEM_TYPE, 409, instance="/do/0/oops")


def test_members_may_be_expressions() -> None:
    error: Value = {
        "type": PROBLEM_TYPE,
        "status": 400,
        "detail": '${ "no \\(.what) in \\($workflow.id[0:4])" }',
    }
    assert raising(error).start({"what": "stock"}).error.detail == "no stock in 0a1b"


def test_an_instance_that_the_author_gives_stays() -> None:
    assert raising({"type": PROBLEM_TYPE, "status": 400, "instance": "/x"}).start().error.instance == "/x"


@pytest.mark.parametrize("member", [{"status": "${ .text }"}, {"title": "${ 5 }"}])
def test_a_member_of_the_wrong_type_is_an_expression_error(member: Task) -> None:
    driver = raising({"type": PROBLEM_TYPE, "status": 400, **member}).start({"text": "a"})
    assert driver.error.type.endswith("/errors/expression")


def test_an_unknown_name_is_refused_when_the_plan_is_compiled() -> None:
    with pytest.raises(DocumentError) as refused:
        raising("nobody")
    assert refused.value.problems[0].pointer == "/do/0/oops/raise/error"
