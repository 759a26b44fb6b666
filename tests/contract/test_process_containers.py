"""`run.container` against a stand-in for the runtime's client, for no runtime is here: what it is asked."""

import asyncio
import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.unit.actions.programs import error, marked, output, processes, run
from tidemill.actions.adapters.processes.action import Processes
from tidemill.actions.adapters.processes.cleaning import ContainerCleaner, ContainerRuntimeError
from tidemill.clock import ManualClock

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="programs run on Linux alone")

CLIENT = f"{sys.executable} {Path(__file__).with_name('fake_docker.py')}"
Calls = Callable[[], list[list[str]]]


@pytest.fixture
def made(tmp_path: Path) -> Processes:
    return processes(tmp_path, kinds="container", containers=f"{CLIENT} {tmp_path}")


@pytest.fixture
def calls(tmp_path: Path) -> Calls:
    def read() -> list[list[str]]:
        return [json.loads(line) for line in (tmp_path / "calls").read_text().splitlines()]

    return read


async def test_a_container_runs_in_the_foreground(made: Processes, calls: Calls) -> None:
    outcome = await run(made, "run.container", image="hello-world", name="one", arguments=["a"])
    assert output(outcome) == "Hello from a container!\n"
    [[command, *arguments]] = calls()
    assert command == "run"
    assert {"--rm", "--interactive", "--name=one"} <= set(arguments)
    assert arguments[-2:] == ["hello-world", "a"]


async def test_a_command_gets_input_and_arguments(made: Processes) -> None:
    command = 'input=$(cat)\necho "STDIN was: $input"\necho "ARGS are $1 $2, N is $N"\n'
    outcome = await run(
        made, "run.container", image="alpine", name="one", command=command, stdin="Hello",
        arguments=["Foo", "Bar"], environment={"N": 7},
    )  # fmt: skip
    assert output(outcome) == "STDIN was: Hello\nARGS are Foo Bar, N is 7\n"


async def test_the_client_sees_nothing_of_the_service_nor_of_the_author(
    made: Processes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TIDEMILL_ACTIONS_LEDGER_URL", "postgresql://user:password@host/ledger")
    await run(made, "run.container", image="a", name="one", environment={"DOCKER_HOST": "tcp://x"})
    seen = json.loads((tmp_path / "environment").read_text())
    assert seen.keys() - {"LC_CTYPE"} == {"PATH", "LANG"}


async def test_the_code_is_that_of_the_container(made: Processes) -> None:
    given = {"image": "a", "name": "one", "command": "echo no >&2; exit 4"}
    assert output(await run(made, "run.container", **given, **{"return": "code"})) == 4
    assert "ended with code 4: no" in error(await run(made, "run.container", **given)).detail


async def test_a_container_that_cannot_be_run_is_an_error(made: Processes) -> None:
    outcome = await run(made, "run.container", image="no-such-image", name="one", **{"return": "code"})
    assert "Unable to find image 'no-such-image' locally" in error(outcome).detail


@pytest.mark.parametrize(
    ("cleanup", "farewell"), [("always", ["rm", "--force", "one"]), ("never", ["kill", "one"])]
)
async def test_a_container_that_is_stopped_is_taken_away_from_the_runtime(
    made: Processes, calls: Calls, tmp_path: Path, cleanup: str, farewell: list[str]
) -> None:
    mark, ready = f"mark-{tmp_path}", tmp_path / "ready"
    given = {
        "image": "a", "name": "one", "command": f"trap '' TERM; touch {ready}; sleep 300 & wait",
        "environment": {"MARK": mark}, "lifetime": {"cleanup": cleanup},
    }  # fmt: skip
    task = asyncio.ensure_future(run(made, "run.container", **given))
    async with asyncio.timeout(20):
        while not ready.exists():  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    task.cancel()
    await asyncio.wait([task])
    assert task.cancelled()
    assert calls()[1:] == [farewell]
    assert marked(mark) == []


class TestCleaning:
    """`cleanup: eventually`."""

    async def test_those_that_have_stayed_for_their_time_are_removed(
        self, made: Processes, calls: Calls, tmp_path: Path
    ) -> None:
        due, later = "a" * 64, "b" * 64
        (tmp_path / "ps").write_text(f"{due}\n{later}\n")
        (tmp_path / "inspect").write_text(
            f"{due} 1000000 2026-11-28T12:00:00.5Z\n{later} 60000000 2026-11-28T12:00:00.5Z\n"
        )
        cleaner = ContainerCleaner(made.programs, ManualClock(1_795_867_230_000_000))
        assert not await cleaner.run_once()
        listed, inspected, removed = calls()
        assert listed[0] == "ps"
        assert "--filter=label=tidemill.remove-after-us" in listed
        assert inspected[-2:] == [due, later]
        assert removed == ["rm", due]

    async def test_where_nothing_stays_nothing_is_asked_further(self, made: Processes, calls: Calls) -> None:
        await ContainerCleaner(made.programs, ManualClock(1)).run_once()
        assert [command for command, *_ in calls()] == ["ps"]

    async def test_a_runtime_that_refuses_is_an_error_of_the_loop(self, tmp_path: Path) -> None:
        made = processes(tmp_path, kinds="container", containers="sh -c 'echo no daemon >&2; exit 1' sh")
        with pytest.raises(ContainerRuntimeError, match="refuses `ps`: no daemon"):
            await ContainerCleaner(made.programs, ManualClock(1)).run_once()
