"""The examples of programs: shells and scripts that run here, containers by a stand-in for their runtime."""

import re
from collections.abc import Mapping
from typing import Any, Final

from tests.e2e.examples.case import Case, Check, Seen
from tidemill.json import Json

HELLO: Final = "Hello from a container!\n"
# What the example calls. The catalog itself still has it in the form of an earlier version of the language,
# whose scripts had named arguments.
LOG_URL: Final = (
    "https://raw.githubusercontent.com/serverlessworkflow/catalog/main/functions/log/1.0.0/function.yaml"
)
LOG: Final[dict[str, Json]] = {
    "input": {"schema": {"document": {"type": "object", "required": ["message"]}}},
    "output": {"schema": {"document": {"type": "string"}}},
    "run": {
        "script": {
            "language": "python",
            "arguments": ["${ .message }", "${ .level }", "${ now | todate }", "${ .format }"],
            "code": "import sys\n"
            "_, message, level, now, form = sys.argv\n"
            "print(form.format(TIMESTAMP=now, LEVEL=level, CONTEXT='', MESSAGE=message).replace('()', ''))\n",
        }
    },
}
_SAID: Final = "STDIN was: Hello World\nARGS are Foo Bar\n"


def _run_with(*wanted: str) -> Check:
    """The runtime was asked once, with these arguments among others."""

    def check(seen: Seen) -> None:
        [arguments] = seen.containers
        assert arguments[0] == "run"
        assert set(wanted) <= set(arguments)

    return check


def _container(output: Any, *wanted: str) -> tuple[Case, ...]:  # noqa: ANN401 - any JSON value
    return (Case(output=output, check=_run_with("hello-world", *wanted)),)


def _logged(seen: Seen) -> None:
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:.]+Z \[information\] : Hello, world!\n", seen.report.output)


RUNS: Final[Mapping[str, tuple[Case, ...]]] = {
    "call-custom-function-cataloged": (Case(tasks=("log", LOG_URL), check=_logged),),
    # Where no `lifetime` stands a container is removed, too.
    "run-container": _container(HELLO, "--rm", "--pull=missing"),
    "run-container-cleanup-always": _container(HELLO, "--rm"),
    "run-container-cleanup-eventually": _container(HELLO, "--label=tidemill.remove-after-us=1800000000"),
    # `.workflow` is of the input, where it is not; the variable would be `$workflow`.
    "run-container-with-name": _container(HELLO, "--name=hello-null-null-null"),
    "run-container-with-pull-policy": _container(HELLO, "--pull=always"),
    "run-container-stdin-and-arguments": (Case(output=_SAID, check=_run_with("alpine", "Foo", "Bar")),),
    "run-return-all": _container({"code": 0, "stdout": HELLO, "stderr": ""}),
    "run-return-code": _container(0),
    "run-return-none": _container(None),
    "run-return-stderr": _container(""),
    "run-script-with-stdin-and-arguments": (
        Case(output="stdin >  Hello Workflow\narg >  hello\nenv >  bar\n"),
    ),
    "run-shell-stdin-and-arguments": (Case(output=_SAID),),
}
