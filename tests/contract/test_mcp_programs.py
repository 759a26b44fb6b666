"""The action `mcp` with servers that are programs: a real one of the official SDK, and broken ones."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.contract.http_calls import KEY, error, kind, output
from tests.contract.mcp_calls import RULES, Ask, asking, http_action, program, tool
from tests.processes import runs
from tests.unit.actions.programs import LIMITS as PROCESS_LIMITS
from tests.unit.actions.programs import STUBBORN, left_in, marked
from tests.waiting import eventually

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="programs run on Linux alone")


@pytest.fixture
async def ask() -> AsyncIterator[Ask]:
    http = http_action()
    yield asking(http)
    await http.close()


def python(code: str) -> dict[str, object]:
    return {"stdio": {"command": sys.executable, "arguments": ["-c", code]}}


async def until_gone(pid: int) -> None:
    await eventually(lambda: not runs(pid))


async def test_a_tool_gives_its_result(ask: Ask) -> None:
    result = output(await ask(parameters=tool("add", a=2, b=3), transport=program()))
    assert isinstance(result, dict)
    assert result["content"] == [{"type": "text", "text": "5"}]
    assert result["structuredContent"] == {"result": 5}


async def test_a_program_has_nothing_of_the_services_environment(
    ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TIDEMILL_SECRET.shop.other", "0ther-secret")
    transport = program(GIVEN="by the task")
    result = output(await ask(parameters=tool("environment"), transport=transport))
    assert isinstance(result, dict)
    seen = dict(result["structuredContent"])
    seen = seen.get("result", seen)
    assert seen.pop("PYTHONPATH")
    assert seen == {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "LANG": "C.UTF-8",
        "TIDEMILL_IDEMPOTENCY_KEY": KEY,
        "GIVEN": "by the task",
    }


async def test_a_tool_that_fails_is_a_runtime_error_with_its_words(ask: Ask) -> None:
    problem = error(await ask(parameters=tool("fail", text="no such contact"), transport=program()))
    assert kind(problem) == ("runtime", 500)
    assert problem.detail.startswith("the tool fail failed: ")
    assert "no such contact" in problem.detail


async def test_what_a_program_has_started_ends_with_the_call(ask: Ask, tmp_path: Path) -> None:
    noted = tmp_path / "child"
    await ask(parameters=tool("leave_a_child", path=str(noted)), transport=program())
    await until_gone(int(noted.read_text()))


@pytest.mark.parametrize("timeout_us", [1_500_000, 1])
async def test_a_timeout_ends_the_program(ask: Ask, tmp_path: Path, timeout_us: int) -> None:
    noted = tmp_path / "pid"
    code = f"import os, time; open({str(noted)!r}, 'w').write(str(os.getpid())); time.sleep(3600)"
    outcome = await ask("tools/list", transport=python(code), timeoutUs=timeout_us)
    assert kind(error(outcome)) == ("timeout", 408)
    if noted.exists():
        await until_gone(int(noted.read_text() or 0))


async def test_a_cancellation_ends_the_program_and_its_children(ask: Ask, tmp_path: Path) -> None:
    noted = tmp_path / "pids"
    code = f"""
import os, subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(3600)"])
open({str(noted) + ".new"!r}, "w").write(f"{{os.getpid()}} {{child.pid}}")
os.rename({str(noted) + ".new"!r}, {str(noted)!r})
time.sleep(3600)
"""
    task = asyncio.ensure_future(ask("tools/list", transport=python(code)))
    await eventually(noted.exists)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    for pid in noted.read_text().split():
        await until_gone(int(pid))


async def test_a_program_that_ends_without_an_answer_is_told_with_its_words(ask: Ask) -> None:
    problem = error(await ask(parameters=tool("die", text="out of cheese"), transport=program()))
    assert kind(problem) == ("communication", 502)
    assert "ended with 3 before it answered" in problem.detail
    assert "out of cheese" in problem.detail


async def test_a_program_that_is_not_there_is_a_configuration_error(ask: Ask) -> None:
    problem = error(await ask("tools/list", transport={"stdio": {"command": "no-such-server"}}))
    assert kind(problem) == ("configuration", 400)
    assert problem.detail == "the server no-such-server cannot be started: No such file or directory"


async def test_noise_between_messages_is_passed_over(ask: Ask) -> None:
    transport = program()
    stdio = transport["stdio"]
    assert isinstance(stdio, dict)
    stdio["arguments"] = [
        "-c",
        "print('Welcome!', flush=True); from tests.contract.mcp_server import *; make_server().run('stdio')",
    ]
    result = output(await ask(parameters=tool("add", a=1, b=1), transport=transport))
    assert isinstance(result, dict)
    assert result["structuredContent"] == {"result": 2}


@pytest.mark.parametrize("code", ["print('x' * 200_000)", "while True: print('noise')"])
async def test_too_much_output_is_refused(ask: Ask, code: str) -> None:
    problem = error(await ask("tools/list", transport=python(code)))
    assert kind(problem) == ("communication", 502)
    assert problem.detail == "the server's answers are over mcp_response_bytes_max, 100000"


async def test_an_answer_that_is_none_of_the_protocol_is_a_communication_error(ask: Ask) -> None:
    code = """
import json, sys
asked = json.loads(sys.stdin.readline())
print(json.dumps({"jsonrpc": "2.0", "id": asked["id"], "result": {"protocolVersion": 7}}), flush=True)
sys.stdin.read()
"""
    problem = error(await ask("tools/list", transport=python(code)))
    assert kind(problem) == ("communication", 502)
    assert "does not follow the protocol" in problem.detail


async def test_a_program_that_does_not_end_by_itself_is_killed(tmp_path: Path) -> None:
    http = http_action()
    noted = tmp_path / "pid"
    transport = program()
    stdio = transport["stdio"]
    assert isinstance(stdio, dict)
    code = (
        f"import os, time; open({str(noted)!r}, 'w').write(str(os.getpid()));"
        "from tests.contract.mcp_server import *; make_server().run('stdio'); time.sleep(3600)"
    )
    stdio["arguments"] = ["-c", code]
    outcome = await asking(http, close_us=50_000)(parameters=tool("add", a=1, b=1), transport=transport)
    assert output(outcome)
    await until_gone(int(noted.read_text()))
    await http.close()


async def test_programs_are_off_unless_a_setting_turns_them_on(tmp_path: Path) -> None:
    http = http_action()
    noted = tmp_path / "ran"
    transport = python(f"open({str(noted)!r}, 'w')")
    problem = error(
        await asking(http, rules=replace(RULES, allowed=False))("tools/list", transport=transport)
    )
    assert kind(problem) == ("configuration", 400)
    assert "TIDEMILL_ACTIONS_MCP_STDIO=true" in problem.detail
    assert not noted.exists()
    await http.close()


async def test_what_has_left_its_session_ends_with_the_call(ask: Ask, tmp_path: Path) -> None:
    noted = tmp_path / "ready"
    code = f"import sys; sys.argv[1] = {str(noted)!r}\n" + STUBBORN.replace(
        "print(os.getpid(), flush=True)", ""
    )
    mark = f"mark-{tmp_path}"
    stdio = {"command": sys.executable, "arguments": ["-c", code, "-"], "environment": {"MARK": mark}}
    task = asyncio.ensure_future(ask("tools/list", transport={"stdio": stdio}))
    await eventually(noted.exists)
    assert len(marked(mark)) >= 3
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert marked(mark) == []


async def test_a_program_has_a_folder_of_its_own_which_is_removed(tmp_path: Path) -> None:
    http = http_action()
    ask = asking(http, rules=replace(RULES, folder=str(tmp_path)))
    code = "import os; open('left', 'w').close(); raise SystemExit(os.getcwd())"
    problem = error(await ask("tools/list", transport=python(code)))
    assert str(tmp_path) in problem.detail
    assert left_in(tmp_path) == []
    await http.close()


@pytest.mark.parametrize(
    ("limit", "value", "code", "how"),
    [
        ("memory_bytes_max", 200_000_000, "bytearray(400_000_000)", "MemoryError"),
        ("open_files_max", 20, "files = [open('/dev/null') for _ in range(30)]", "Too many open files"),
        ("file_bytes_max", 1_000, "a = open('a', 'wb'); a.write(bytes(5_000)); a.flush()", "File too large"),
        ("cpu_us_max", 1_000_000, "while True: pass", "ended with -24"),
    ],
)
async def test_a_program_takes_no_more_of_the_machine_than_others(
    limit: str, value: int, code: str, how: str
) -> None:
    http = http_action()
    limits = replace(PROCESS_LIMITS, **{limit: value})
    ask = asking(http, rules=replace(RULES, processes=limits))
    problem = error(await ask("tools/list", transport=python(code)))
    assert kind(problem) == ("communication", 502)
    assert how in problem.detail
    await http.close()


async def test_what_a_program_said_at_last_shows_no_part_of_a_secret(ask: Ask) -> None:
    secret = "t0p-secret-of-the-shop"
    code = f"import sys; sys.stderr.write({secret!r} + 'x' * 105 + {secret[:5]!r}); sys.exit(1)"
    problem = error(await ask("tools/list", transport=python(code), hidden=(secret,)))
    assert problem.detail.endswith(f": {'x' * 105}{secret[:5]}")


async def test_programs_wait_for_their_turn() -> None:
    http = http_action()
    ask = asking(http, programs_max=1)
    outcomes = await asyncio.gather(
        *(ask(parameters=tool("add", a=number, b=0), transport=program()) for number in range(2))
    )
    assert [output(outcome)["structuredContent"]["result"] for outcome in outcomes] == [0, 1]  # type: ignore[index]
    await http.close()


def test_the_tests_are_of_a_process_that_can_look_at_others() -> None:
    assert runs(os.getpid())
