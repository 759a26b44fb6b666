"""`run.shell` and `run.script` with real interpreters: what they get, what they give, and what is left."""

import asyncio
import json
import os
import shutil
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from tests.unit.actions.programs import KEY, LIMITS, error, left_in, output, processes, run
from tidemill.actions.adapters.processes.action import Processes
from tidemill.actions.core.model import ActionState
from tidemill.errors import InvalidRequestError

HAS_NODE = shutil.which("node", path="/usr/local/bin:/usr/bin:/bin") is not None
SHOW = (
    "import json,os,sys; print(json.dumps([sys.argv[1:], sys.stdin.read(), dict(os.environ), os.getcwd()]))"
)

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="programs run on Linux alone")


@pytest.fixture
def made(tmp_path: Path) -> Processes:
    return processes(tmp_path)


async def test_a_shell_gets_arguments_and_input(made: Processes) -> None:
    command = 'read line; echo "STDIN was: $line"; echo "ARGS are $1 $2 of $#"; echo "NAME is $0"'
    outcome = await run(
        made, "run.shell", command=command, stdin="Hello\n", arguments=["Foo", "B a r"], environment={}
    )
    assert output(outcome) == "STDIN was: Hello\nARGS are Foo B a r of 2\nNAME is sh\n"


async def test_a_shell_is_not_asked_to_read_its_arguments(made: Processes) -> None:
    assert (
        output(await run(made, "run.shell", command='echo "$1"', arguments=["$(id); `id`"]))
        == "$(id); `id`\n"
    )


async def test_python_gets_arguments_input_and_an_environment_of_its_own(
    made: Processes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TIDEMILL_ACTIONS_LEDGER_URL", "postgresql://user:password@host/ledger")
    given = {"language": "python", "code": SHOW, "arguments": ["a", 7, True, None, {"b": [1]}]}
    outcome = await run(
        made, "run.script", **given, stdin={"n": 1}, environment={"GREETING": "hällo", "N": 5}
    )
    argv, stdin, environment, _ = json.loads(str(output(outcome)))
    assert argv == ["a", "7", "true", "", '{"b":[1]}']
    assert json.loads(stdin) == {"n": 1}
    # Python itself adds nothing, for the language is UTF-8 already.
    assert environment == {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "LANG": "C.UTF-8",
        "TIDEMILL_IDEMPOTENCY_KEY": KEY,
        "GREETING": "hällo",
        "N": "5",
    }


@pytest.mark.skipif(not HAS_NODE, reason="there is no node on this machine")
async def test_javascript_is_a_module_and_has_argv_as_everywhere(made: Processes) -> None:
    code = """
        import { readFileSync } from 'node:fs';
        const [_, __, first] = process.argv;
        console.log(first, readFileSync(process.stdin.fd, 'utf8'), process.env.foo, await 7);
    """
    given = {"language": "js", "code": code, "arguments": ["hello"], "stdin": "text"}
    outcome = await run(made, "run.script", **given, environment={"foo": "bar"})
    assert output(outcome) == "hello text bar 7\n"


async def test_an_author_may_take_the_place_of_each_variable(made: Processes) -> None:
    environment = {"LANG": "C", "TIDEMILL_IDEMPOTENCY_KEY": "mine"}
    command = 'echo "$LANG $TIDEMILL_IDEMPOTENCY_KEY"'
    assert output(await run(made, "run.shell", command=command, environment=environment)) == "C mine\n"


async def test_the_working_directory_is_empty_and_goes_with_the_program(
    made: Processes, tmp_path: Path
) -> None:
    command = "ls -A; pwd; mkdir -p deep/er; echo x > deep/er/file; chmod 0 deep"
    where = str(output(await run(made, "run.shell", command=command))).strip()
    assert where.startswith(str(tmp_path))
    assert where.endswith("/work")
    assert left_in(tmp_path) == []


async def test_links_out_of_the_working_directory_lead_nowhere_when_it_goes(tmp_path: Path) -> None:
    runs, outside = tmp_path / "runs", tmp_path / "outside"
    runs.mkdir()
    outside.mkdir()
    (outside / "file").touch()
    outside.chmod(0o500)
    command = f"ln -s {outside} folder; ln -s {outside}/file file; mkdir deep; ln -s {outside} deep/folder"
    await run(processes(runs), "run.shell", command=command)
    assert left_in(runs) == []
    assert left_in(outside) == ["file"]
    assert outside.stat().st_mode & 0o777 == 0o500


async def test_no_file_descriptor_of_the_service_is_handed_on(made: Processes) -> None:
    reading, writing = os.pipe()
    os.set_inheritable(reading, True)
    try:
        code = "import os; print(sorted(os.listdir('/proc/self/fd')))"
        listed = str(output(await run(made, "run.script", language="python", code=code)))
    finally:
        os.close(reading)
        os.close(writing)
    # The fourth is the listing itself.
    assert len(json.loads(listed.replace("'", '"'))) == 4


@pytest.mark.parametrize(
    ("returns", "given"),
    [
        ("stdout", "out\n"),
        ("stderr", "err\n"),
        ("code", 0),
        ("all", {"code": 0, "stdout": "out\n", "stderr": "err\n"}),
        ("none", None),
    ],
)
async def test_return_chooses_the_output(made: Processes, returns: str, given: object) -> None:
    outcome = await run(made, "run.shell", command="echo out; echo err >&2", **{"return": returns})
    assert output(outcome) == given


@pytest.mark.parametrize("returns", ["stdout", "stderr", "none"])
async def test_another_code_than_0_is_a_runtime_error_with_what_was_said(
    made: Processes, returns: str
) -> None:
    outcome = await run(made, "run.shell", command="echo broken >&2; exit 3", **{"return": returns})
    problem = error(outcome)
    assert (problem.type.rpartition("/")[2], problem.status) == ("runtime", 500)
    assert problem.detail == "the process ended with code 3: broken"


@pytest.mark.parametrize(
    ("returns", "given"), [("code", 3), ("all", {"code": 3, "stdout": "", "stderr": "broken\n"})]
)
async def test_who_asks_for_the_code_gets_it(made: Processes, returns: str, given: object) -> None:
    outcome = await run(made, "run.shell", command="echo broken >&2; exit 3", **{"return": returns})
    assert output(outcome) == given


async def test_a_signal_is_a_code_as_the_shell_has_it(made: Processes) -> None:
    assert output(await run(made, "run.shell", command="kill -9 $$", **{"return": "code"})) == 128 + 9
    assert "was killed by signal 9" in error(await run(made, "run.shell", command="kill -9 $$")).detail


async def test_input_that_nobody_reads_is_no_error(made: Processes) -> None:
    assert output(await run(made, "run.shell", command="echo done", stdin="x" * 1_000_000)) == "done\n"


async def test_output_that_is_no_text_still_comes(made: Processes) -> None:
    assert output(await run(made, "run.shell", command=r"printf 'a\377b'")) == "a�b"


async def test_a_language_without_interpreter_is_refused_by_the_name_of_the_setting(tmp_path: Path) -> None:
    made = processes(tmp_path, node="no-such-node")
    problem = error(await run(made, "run.script", language="js", code="1"))
    assert (problem.type.rpartition("/")[2], problem.status) == ("configuration", 400)
    assert "TIDEMILL_ACTIONS_PROCESS_NODE" in problem.detail


async def test_a_program_that_has_gone_since_the_start_is_a_configuration_error(tmp_path: Path) -> None:
    shell = tmp_path / "shell"
    shell.symlink_to("/bin/sh")
    made = processes(tmp_path, shell=str(shell))
    shell.unlink()
    problem = error(await run(made, "run.shell", command="true"))
    assert problem.type.endswith("/configuration")
    assert left_in(tmp_path) == []


async def test_a_command_over_the_systems_bound_is_a_validation_error(
    made: Processes, tmp_path: Path
) -> None:
    problem = error(await run(made, "run.shell", command=f"true {'x' * 200_000}"))
    assert problem.type.endswith("/validation")
    assert left_in(tmp_path) == []


async def test_a_folder_that_cannot_be_made_is_a_runtime_error(tmp_path: Path) -> None:
    folder = tmp_path / "gone"
    folder.mkdir()
    made = processes(folder)
    folder.rmdir()
    problem = error(await run(made, "run.shell", command="true"))
    assert problem.type.endswith("/runtime")
    assert "no folder can be made" in problem.detail


def test_a_folder_that_is_none_is_refused_at_the_start(tmp_path: Path) -> None:
    with pytest.raises(InvalidRequestError, match="TIDEMILL_ACTIONS_PROCESS_FOLDER"):
        processes(tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        ({"command": ""}, "command"),
        ({"command": 5}, "command"),
        ({"command": "a\0b"}, "NUL"),
        ({"command": "true", "arguments": "a"}, "arguments"),
        ({"command": "true", "environment": {"A=B": "1"}}, "A=B"),
        ({"command": "true", "environment": {"A": "\0"}}, "NUL"),
        ({"command": "true", "return": "everything"}, "return"),
    ],
)
async def test_arguments_that_make_no_program(
    made: Processes, arguments: dict[str, object], word: str
) -> None:
    problem = error(await run(made, "run.shell", **arguments))
    assert problem.type.endswith("/validation")
    assert word in problem.detail


@pytest.mark.parametrize("kind", ["shell", "script", "container"])
async def test_a_kind_that_is_off_says_how_to_turn_it_on(tmp_path: Path, kind: str) -> None:
    made = processes(tmp_path, kinds="")
    [action] = [one for one in made.actions if one.spec.name == f"run.{kind}"]
    assert action.is_pure, "so that nothing is recorded, and a retry may find it on"
    problem = error(await run(made, f"run.{kind}", command="true"))
    assert (problem.type.rpartition("/")[2], problem.status) == ("configuration", 400)
    assert f"TIDEMILL_ACTIONS_PROCESSES={kind}" in problem.detail


@pytest.mark.parametrize(
    ("kinds", "programs", "word"),
    [
        ("shell,perl", {}, "TIDEMILL_ACTIONS_PROCESSES"),
        ("shell", {"shell": "/no/such/sh"}, "TIDEMILL_ACTIONS_PROCESS_SHELL"),
        ("script", {"node": "no-node", "python": "no-python"}, "TIDEMILL_ACTIONS_PROCESS_NODE"),
        ("container", {"containers": "no-docker"}, "TIDEMILL_ACTIONS_PROCESS_CONTAINERS"),
        ("shell", {"shell": "'"}, "TIDEMILL_ACTIONS_PROCESS_SHELL"),
        ("shell", {"container_volumes": "data"}, "TIDEMILL_ACTIONS_PROCESS_CONTAINER_VOLUMES"),
        ("shell", {"container_options": "'"}, "TIDEMILL_ACTIONS_PROCESS_CONTAINER_OPTIONS"),
    ],
)
def test_settings_that_make_no_sense_are_refused_at_the_start(
    tmp_path: Path, kinds: str, programs: dict[str, str], word: str
) -> None:
    with pytest.raises(InvalidRequestError, match=word):
        processes(tmp_path, kinds=kinds, **programs)


async def test_what_has_succeeded_is_a_success_for_the_ledger(made: Processes) -> None:
    outcome = await run(made, "run.shell", command="true", **{"return": "none"})
    assert (outcome.state, outcome.output) == (ActionState.SUCCEEDED, b"null")


async def test_several_run_at_once_and_know_nothing_of_each_other(made: Processes, tmp_path: Path) -> None:
    outcomes = await asyncio.gather(
        *(
            run(made, "run.shell", command='echo "$1" > mine; sleep 0.1; cat *', arguments=[str(n)])
            for n in range(8)
        )
    )
    assert [output(outcome) for outcome in outcomes] == [f"{n}\n" for n in range(8)]
    assert left_in(tmp_path) == []


def test_limits_of_the_kernel_have_names_that_python_knows() -> None:
    assert replace(LIMITS, cpu_us_max=1).of_the_kernel()["RLIMIT_CPU"] == 1
