"""What is executed for a program: pure functions from what an author wrote to a job."""

from collections.abc import Mapping
from typing import Final

from tidemill.actions.adapters.processes.arguments import Program, Script, ShellCommand
from tidemill.actions.adapters.processes.jobs import Job
from tidemill.actions.adapters.processes.limits import ProcessLimits
from tidemill.actions.adapters.processes.programs import Programs

KEY_VARIABLE: Final = "TIDEMILL_IDEMPOTENCY_KEY"
# Node reads a module by the ending of its name.
_SCRIPTS: Final[Mapping[str, str]] = {"js": "script.mjs", "python": "script.py"}


class MissingProgramError(Exception):
    """Nothing here runs what is wanted; `name` is the language."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


def shell_job(wanted: ShellCommand, key: str, programs: Programs, limits: ProcessLimits) -> Job:
    """`sh -c COMMAND sh ARGUMENTS`: the arguments are `$1` and so on."""
    shell = programs.commands["shell"]
    return Job(
        command=(*shell, "-c", wanted.command, "sh"),
        arguments=wanted.program.arguments,
        environment=environment_of(wanted.program, key, programs),
        stdin=wanted.program.stdin,
        limits=limits.of_the_kernel(),
    )


def script_job(wanted: Script, key: str, programs: Programs, limits: ProcessLimits) -> Job:
    """The interpreter with the code in a file, so that `argv` is what it is everywhere.

    Raises MissingProgramError for a language whose interpreter is not there.
    """
    interpreter = programs.commands.get(wanted.language)
    if interpreter is None:
        raise MissingProgramError(wanted.language)
    return Job(
        command=interpreter,
        script=_SCRIPTS[wanted.language],
        code=wanted.code,
        arguments=wanted.program.arguments,
        environment=environment_of(wanted.program, key, programs),
        stdin=wanted.program.stdin,
        limits=limits.of_the_kernel(),
    )


def environment_of(program: Program, key: str, programs: Programs) -> dict[str, str]:
    """All that a program sees: a path, a language, the key, and what its author gives, which goes first."""
    return {**programs.environment, KEY_VARIABLE: key, **program.environment}
