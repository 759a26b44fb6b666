"""Containers by the command line that docker and podman share: pure, from a task to its arguments."""

import os
import re
import shlex
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from tidemill.actions.adapters.processes.arguments import Container, InvalidArgumentsError, invalid
from tidemill.actions.adapters.processes.commands import KEY_VARIABLE
from tidemill.actions.adapters.processes.jobs import Job
from tidemill.actions.adapters.processes.limits import ProcessLimits
from tidemill.actions.adapters.processes.programs import VARIABLES, Programs
from tidemill.actions.core.model import Call
from tidemill.actions.core.problems import configuration_problem
from tidemill.errors import InvalidRequestError

OPTIONS_VARIABLE: Final = f"{VARIABLES['container'].removesuffix('S')}_OPTIONS"
VOLUMES_VARIABLE: Final = f"{VARIABLES['container'].removesuffix('S')}_VOLUMES"
REMOVE_LABEL: Final = "tidemill.remove-after-us"
_PULL: Final[Mapping[str, str]] = {"ifNotPresent": "missing", "always": "always", "never": "never"}
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,200}")
# Host, port, path, tag and digest; what begins otherwise could be taken for an option.
_IMAGE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:/@+-]{0,400}")

Resolve = Callable[[str], str]


@dataclass(frozen=True, slots=True)
class ContainerRules:
    """What the operator adds to every container, and the folders of the host that may be volumes."""

    options: tuple[str, ...] = ()
    folders: tuple[str, ...] = ()

    @classmethod
    def read(cls, options: str, volumes: str, resolve: Resolve = os.path.realpath) -> "ContainerRules":
        """Read the settings; raises InvalidRequestError."""
        try:
            words = tuple(shlex.split(options))
        except ValueError as error:
            raise InvalidRequestError(OPTIONS_VARIABLE, f"{OPTIONS_VARIABLE}: {error}") from None
        folders = tuple(filter(None, map(str.strip, volumes.split(","))))
        relative = [folder for folder in folders if not folder.startswith("/")]
        if relative:
            message = f"{VOLUMES_VARIABLE}: {relative[0]!r} does not begin with a slash"
            raise InvalidRequestError(VOLUMES_VARIABLE, message)
        return cls(words, tuple(resolve(folder) for folder in folders))


def container_job(
    wanted: Container, call: Call, programs: Programs, limits: ProcessLimits, rules: ContainerRules
) -> Job:
    """The client of the runtime, in the foreground. Raises InvalidArgumentsError.

    Its own limits are the container's, which the runtime holds; killing the client would leave the container
    running, and so there is a farewell.
    """
    client = programs.commands["container"]
    gone = ("kill", wanted.name) if wanted.remove_after_us is None else ("rm", "--force", wanted.name)
    return Job(
        command=(*client, *run_arguments(wanted, call, limits, rules)),
        environment=programs.environment,
        stdin=wanted.program.stdin,
        farewell=(*client, *gone),
        farewell_environment=programs.environment,
        # The client of a rootless runtime may need programs that have them.
        no_new_privileges=False,
    )


def run_arguments(
    wanted: Container,
    call: Call,
    limits: ProcessLimits,
    rules: ContainerRules,
    resolve: Resolve = os.path.realpath,
) -> list[str]:
    """The arguments of `docker run`. Raises InvalidArgumentsError."""
    if not _NAME.fullmatch(wanted.name):
        raise invalid(f"`{wanted.name:.80}` cannot be the name of a container")
    if not _IMAGE.fullmatch(wanted.image):
        raise invalid(f"`{wanted.image:.80}` cannot be the name of an image")
    environment = {KEY_VARIABLE: call.key, **wanted.program.environment}
    return [
        "run",
        *_removal(wanted),
        "--interactive",
        f"--name={wanted.name}",
        f"--pull={_PULL[wanted.pull]}",
        *_labels(call),
        *_bounds(limits),
        *(f"--env={name}={value}" for name, value in environment.items()),
        *(f"--publish=127.0.0.1:{host}:{inside}" for host, inside in wanted.ports),
        *(f"--volume={volume}" for volume in _volumes(wanted, rules, resolve)),
        *rules.options,
        *_program(wanted),
    ]


def _removal(wanted: Container) -> list[str]:
    if wanted.remove_after_us == 0:
        return ["--rm"]
    return [] if wanted.remove_after_us is None else [f"--label={REMOVE_LABEL}={wanted.remove_after_us}"]


def _labels(call: Call) -> Iterator[str]:
    """Whose container it is, for people who look at the machine."""
    told = {"namespace": call.namespace, "execution": call.execution_id, "task": call.task_reference}
    for name, value in told.items():
        yield f"--label=tidemill.{name}={value}"


def _bounds(limits: ProcessLimits) -> list[str]:
    memory = limits.memory_bytes_max
    return [
        "--security-opt=no-new-privileges",
        f"--memory={memory}b",
        f"--memory-swap={memory}b",
        f"--pids-limit={limits.container_processes_max}",
        f"--ulimit=cpu={limits.cpu_seconds_max}:{limits.cpu_seconds_max + 1}",
        f"--ulimit=nofile={limits.open_files_max}:{limits.open_files_max}",
        f"--ulimit=fsize={limits.file_bytes_max}:{limits.file_bytes_max}",
        "--ulimit=core=0:0",
    ]


def _program(wanted: Container) -> list[str]:
    """A command is a text for the image's shell; without one the arguments are those of the image's own."""
    if wanted.command is None:
        return [wanted.image, *wanted.program.arguments]
    return ["--entrypoint=sh", wanted.image, "-c", wanted.command, "sh", *wanted.program.arguments]


def _volumes(wanted: Container, rules: ContainerRules, resolve: Resolve) -> Iterator[str]:
    for host, inside in wanted.volumes:
        # What a link leads to counts: a container could have made one in a folder that it was given.
        path = resolve(host) if host.startswith("/") else ""
        if not any(path == folder or path.startswith(f"{folder.rstrip('/')}/") for folder in rules.folders):
            detail = (
                f"`{host:.80}` is no folder that {VOLUMES_VARIABLE} of the Action service allows as a volume"
            )
            raise InvalidArgumentsError(configuration_problem(detail))
        if ":" in path or not inside.startswith("/") or ":" in inside:
            raise invalid(f"`{host:.80}` to `{inside:.80}` is no volume")
        yield f"{path}:{inside}"
