"""Programs for tests: the actions with settings of the test's own, and a look at what is still running."""

import os
import sys
from dataclasses import replace
from pathlib import Path

import orjson

from tests.unit.actions.samples import call
from tidemill.actions.adapters.processes.action import Processes, ProcessSettings
from tidemill.actions.adapters.processes.limits import ProcessLimits
from tidemill.actions.adapters.processes.programs import ProgramSettings
from tidemill.actions.core.model import ActionState, Call, Outcome, Problem
from tidemill.testing.servers.family import state_of

LIMITS = ProcessLimits(
    timeout_us=20_000_000,
    kill_grace_us=200_000,
    output_bytes_max=65_536,
    memory_bytes_max=2_147_483_648,
    cpu_us_max=10_000_000,
    open_files_max=64,
    file_bytes_max=1_048_576,
    container_processes_max=32,
    detached_max=2,
)
PROGRAMS = ProgramSettings(
    path="/usr/local/bin:/usr/bin:/bin",
    language="C.UTF-8",
    shell="/bin/sh",
    python=sys.executable,
    node="node",
    containers="docker",
)
# A family that will not go: one that ignores SIGTERM, a child in a session of its own, and a grandchild that
# was left to whoever takes orphans, and says when all of it is there.
STUBBORN = """
import os, signal, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        parent = os.getpid()
        if os.fork() == 0:
            while os.getppid() == parent:
                time.sleep(0.005)
            open(sys.argv[1], "w").close()
            time.sleep(300)
        os._exit(0)
    time.sleep(300)
print(os.getpid(), flush=True)
time.sleep(300)
"""
KEY = "00000000-0190a000-0000-7000-8000-000000000001:/do/0/run#1"


def processes(
    folder: Path, *, kinds: str = "shell,script", limits: object = None, **programs: str
) -> Processes:
    """The actions, with a folder for what they run."""
    settings = ProcessSettings(
        kinds=kinds, effect_class="once", folder=str(folder), programs=replace(PROGRAMS, **programs)
    )
    assert limits is None or isinstance(limits, ProcessLimits)
    return Processes(settings, limits or LIMITS)


def program(action: str, **arguments: object) -> Call:
    """A call of one of the actions."""
    return call(KEY, action=action, arguments=orjson.dumps(arguments))


async def run(made: Processes, action: str, **arguments: object) -> Outcome:
    """Run a program to its end."""
    [found] = [one for one in made.actions if one.spec.name == action]
    return await found.run(program(action, **arguments))


def output(outcome: Outcome) -> object:
    """What a program gave; fails where it gave nothing."""
    assert outcome.state is ActionState.SUCCEEDED, outcome.error
    assert outcome.output is not None
    return orjson.loads(outcome.output)


def error(outcome: Outcome) -> Problem:
    """What went wrong; fails where nothing did."""
    assert outcome.state is ActionState.FAILED, outcome.output
    assert outcome.error is not None
    return outcome.error


def is_alive(pid: int) -> bool:
    """Whether a process is there, and no zombie."""
    return state_of(pid) not in ("", "Z")


def marked(word: str) -> list[int]:
    """Every process with the word in its environment: whatever came of a program, wherever it hid."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                if word.encode() in (entry / "environ").read_bytes() and is_alive(int(entry.name)):
                    found.append(int(entry.name))
            except (OSError, ProcessLookupError):
                continue
    return found


def left_in(folder: Path) -> list[str]:
    """What programs have left behind."""
    return [path.name for path in folder.iterdir()]
