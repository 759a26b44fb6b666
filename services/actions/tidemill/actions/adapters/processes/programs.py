"""Which programs run shells, scripts and containers: found once, when the service starts."""

import shlex
import shutil
from collections.abc import Mapping
from dataclasses import dataclass

from tidemill.errors import InvalidRequestError

_PREFIX = "TIDEMILL_ACTIONS_PROCESS_"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgramSettings:
    """Commands as a shell reads them; the first word is looked up on `path`, unless it is a path itself."""

    path: str
    language: str
    shell: str
    python: str
    node: str
    containers: str
    container_options: str = ""
    container_volumes: str = ""


@dataclass(frozen=True, slots=True)
class Programs:
    """Commands by what they run: `shell`, `python`, `js`, `container`; what is missing is not there."""

    commands: Mapping[str, tuple[str, ...]]
    environment: Mapping[str, str]


# What runs what, and the setting that names it.
VARIABLES: Mapping[str, str] = {
    "shell": f"{_PREFIX}SHELL",
    "python": f"{_PREFIX}PYTHON",
    "js": f"{_PREFIX}NODE",
    "container": f"{_PREFIX}CONTAINERS",
}
_NEEDED: Mapping[str, tuple[str, ...]] = {
    "shell": ("shell",),
    "script": ("python", "js"),
    "container": ("container",),
}


def find_programs(settings: ProgramSettings, kinds: frozenset[str]) -> Programs:
    """Look up what the kinds need. Raises InvalidRequestError where nothing can run one of them.

    Scripts of one language can be on where the interpreter of another is missing: these are refused when they
    are to run.
    """
    texts = {
        "shell": settings.shell,
        "python": settings.python,
        "js": settings.node,
        "container": settings.containers,
    }
    commands: dict[str, tuple[str, ...]] = {}
    for kind in sorted(kinds):
        found = {name: _found(VARIABLES[name], texts[name], settings.path) for name in _NEEDED[kind]}
        commands.update((name, command) for name, command in found.items() if command)
        if not any(found.values()):
            names = " or ".join(VARIABLES[name] for name in _NEEDED[kind])
            wanted = " or ".join(texts[name] for name in _NEEDED[kind])
            message = f"`run: {kind}` is on, but there is no {wanted} on {settings.path}; set {names}"
            raise InvalidRequestError(VARIABLES[_NEEDED[kind][0]], message)
    return Programs(commands, {"PATH": settings.path, "LANG": settings.language})


def _found(variable: str, text: str, path: str) -> tuple[str, ...]:
    """The command with its program as a path; empty when there is none."""
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise InvalidRequestError(variable, f"{variable} is no command: {error}") from None
    program = shutil.which(words[0], path=path) if words else None
    return (program, *words[1:]) if program else ()
