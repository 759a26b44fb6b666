"""The examples of programs: shells and scripts that run here, containers by a stand-in for their runtime."""

from collections.abc import Mapping
from typing import Any, Final

from tests.e2e.examples.case import Case, Check, Seen

HELLO: Final = "Hello from a container!\n"
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


RUNS: Final[Mapping[str, tuple[Case, ...]]] = {
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
