"""`set` replaces the data."""

from tests.unit.core.driver import Driver, set_task


def test_strings_that_are_expressions_are_evaluated_and_all_others_are_literals() -> None:
    value = {"a": "${ .n + 1 }", "b": ".n", "c": "n is ${ .n }", "d": [{"e": "${ $input.n }"}]}
    assert Driver(set_task("it", value)).start({"n": 1}).output == {
        "a": 2,
        "b": ".n",
        "c": "n is ${ .n }",
        "d": [{"e": 1}],
    }


def test_the_data_is_replaced_and_not_merged() -> None:
    assert Driver(set_task("it", {"a": 1})).start({"b": 2}).output == {"a": 1}


def test_a_single_expression_may_give_any_value() -> None:
    assert Driver(set_task("it", "${ .n }")).start({"n": [1]}).output == [1]


def test_data_that_looks_like_an_expression_is_never_evaluated() -> None:
    driver = Driver(set_task("it", {"a": "${ .text }"}), set_task("again", "${ . }"))
    assert driver.start({"text": "${ 1 + 1 }"}).output == {"a": "${ 1 + 1 }"}


def test_an_expression_that_fails_faults_the_task() -> None:
    driver = Driver(set_task("it", {"a": "${ .n + {} }"})).start({"n": 1})
    assert driver.error.type.endswith("/errors/expression")
    assert (driver.error.status, driver.error.instance) == (400, "/do/0/it")


def test_data_over_its_limit_faults_the_task_that_made_it() -> None:
    doubled = set_task("twice", {"text": "${ .text + .text }"}, then="twice")
    driver = Driver(doubled).start({"text": "x" * 1_000})
    assert "payload_bytes_max (16777216)" in driver.error.detail
    assert driver.error.instance == "/do/0/twice"
