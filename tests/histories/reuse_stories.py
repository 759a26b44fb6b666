"""Stories of tasks that are written once: functions, and extensions of other tasks."""

from tests.unit.core.driver import Driver, Task, call_task, set_task


def calling_functions() -> Driver:
    """A function that calls another one, called twice; the second time its call fails, and is tried again."""
    functions: Task = {
        "ask": {"input": {"from": ".question"}, "call": "work:1.0.0", "with": {"asked": "${ . }"}},
        "askTwice": {
            "do": [
                {"first": {"call": "ask", "with": {"question": "${ .a }"}}},
                {"second": {"call": "ask", "with": {"question": "${ .n }"}, "output": {"as": "[$input, .]"}}},
            ]
        },
    }
    policy: Task = {"retry": {"delay": {"seconds": 1}, "limit": {"attempt": {"count": 1}}}}
    given: Task = {
        "input": {"from": "{n: .n}"},
        "with": {"a": "${ .n + 1 }"},
        "output": {"as": "[$input, .]"},
    }
    once: Task = {"once": {"call": "askTwice", **given}}
    driver = Driver({"careful": {"try": [once], "catch": policy}}, use={"functions": functions}).start(
        {"n": 1}
    )
    at = "/do/0/careful/try/0/once/use/functions/askTwice/do"
    driver.succeed(f"{at}/0/first/use/functions/ask", {"n": 3})
    driver.fail(f"{at}/1/second/use/functions/ask")
    driver.fire_next()
    driver.succeed(f"{at}/0/first/use/functions/ask", {"n": 4})
    return driver


def extended() -> Driver:
    """A switch that knows where to go while a task of an extension waits, and another that is left before."""
    choose: Task = {"switch": [{"far": {"when": ".n == 1", "then": "last"}}]}
    extensions: list[Task] = [
        {"quiet": {"extend": "all", "when": "false", "before": [set_task("never", {})]}},
        {"log": {"extend": "switch", "before": [call_task("ask")], "after": [call_task("tell", "${ . }")]}},
        {"mock": {"extend": "call", "before": [set_task("mocked", {"mocked": True}, then="exit")]}},
    ]
    driver = Driver(
        {"choose": choose},
        set_task("never", {}),
        call_task("last", then="choose"),
        use={"extensions": extensions},
    ).start({"n": 1})
    driver.succeed("/do/0/choose/use/extensions/1/log/before/0/ask", {"n": 1})
    driver.succeed("/do/0/choose/use/extensions/1/log/after/0/tell", {"n": 2})
    driver.succeed("/do/0/choose/use/extensions/1/log/before/0/ask", {"n": 1})
    return driver
