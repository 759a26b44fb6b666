"""The arguments of a program: the evaluated task, checked and made a value."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from tidemill.actions.core.model import Problem
from tidemill.actions.core.problems import validation_problem
from tidemill.json import Json, JsonError, dumps, loads

LANGUAGES: Final[Mapping[str, str]] = {"js": "js", "javascript": "js", "python": "python"}
_PULL_POLICIES: Final = ("ifNotPresent", "always", "never")
_CLEANUPS: Final = ("always", "never", "eventually")


class InvalidArgumentsError(Exception):
    """The program cannot be run as it is described."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.detail)
        self.problem = problem


class Returns(StrEnum):
    """What of a process is the output of its task."""

    STDOUT = "stdout"
    STDERR = "stderr"
    CODE = "code"
    ALL = "all"
    NONE = "none"

    @property
    def has_code(self) -> bool:
        """Whether the author looks at the exit code, so that none of them is an error."""
        return self in (Returns.CODE, Returns.ALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """What the three kinds have in common."""

    arguments: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    stdin: bytes = b""
    returns: Returns = Returns.STDOUT
    awaited: bool = True


@dataclass(frozen=True, slots=True)
class ShellCommand:
    """A command for the shell."""

    program: Program
    command: str


@dataclass(frozen=True, slots=True)
class Script:
    """Code for the interpreter of a language."""

    program: Program
    language: str
    code: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Container:
    """A container to run. `ports` and `volumes` go from the host to the container; `remove_after_us` is 0 for
    at once and None for never."""

    program: Program
    image: str
    name: str
    command: str | None = None
    ports: tuple[tuple[int, int], ...] = ()
    volumes: tuple[tuple[str, str], ...] = ()
    pull: str = "ifNotPresent"
    remove_after_us: int | None = 0


Wanted = ShellCommand | Script | Container


def parse(kind: str, arguments: bytes) -> Wanted:
    """Read the arguments of a kind: `shell`, `script` or `container`. Raises InvalidArgumentsError."""
    try:
        value = loads(arguments, field="arguments")
    except JsonError as error:
        raise invalid(error.message) from None
    given = _object(value, "the arguments")
    program = Program(
        arguments=tuple(_text(item) for item in _list(given.get("arguments"), "arguments")),
        environment=_environment(given.get("environment")),
        stdin=_stdin(given.get("stdin")),
        returns=Returns(_one_of(given.get("return", "stdout"), "return", tuple(Returns))),
        awaited=given.get("await") is not False,
    )
    if kind == "shell":
        return ShellCommand(program, _required(given, "command"))
    if kind == "script":
        return _script(program, given)
    return _container(program, given)


def _script(program: Program, given: Mapping[str, Json]) -> Script:
    language = str(given.get("language"))
    if language not in LANGUAGES:
        known = ", ".join(LANGUAGES)
        raise invalid(f"there is no interpreter for `{language:.40}`; there are {known}")
    return Script(program, LANGUAGES[language], _required(given, "code"))


def _container(program: Program, given: Mapping[str, Json]) -> Container:
    command = given.get("command")
    return Container(
        program=program,
        image=_required(given, "image"),
        name=_required(given, "name"),
        command=None if command is None else _text(command),
        ports=tuple(
            (_port(host), _port(inside)) for host, inside in _object(given.get("ports"), "ports").items()
        ),
        volumes=tuple(
            (host, _text(inside)) for host, inside in _object(given.get("volumes"), "volumes").items()
        ),
        pull=_one_of(given.get("pullPolicy", "ifNotPresent"), "pullPolicy", _PULL_POLICIES),
        remove_after_us=_remove_after_us(given.get("lifetime")),
    )


def _remove_after_us(lifetime: Json) -> int | None:
    given = _object(lifetime, "lifetime")
    match _one_of(given.get("cleanup", "always"), "lifetime.cleanup", _CLEANUPS):
        case "never":
            return None
        case "eventually":
            after_us = given.get("afterUs")
            if not isinstance(after_us, int) or after_us < 0:
                raise invalid("lifetime.after must be a duration")
            return after_us
        case _:
            return 0


def _environment(value: Json) -> dict[str, str]:
    environment = {}
    for name, item in _object(value, "environment").items():
        if not name or "=" in name:
            raise invalid(f"`{name:.80}` cannot be the name of a variable of the environment")
        if item is not None:
            environment[name] = _text(item)
    return environment


def _stdin(value: Json) -> bytes:
    if value is None:
        return b""
    return value.encode() if isinstance(value, str) else dumps(value)


def _text(value: Json) -> str:
    """Text as it is, nothing for null, anything else as JSON."""
    return value if isinstance(value, str) else "" if value is None else dumps(value).decode()


def _required(given: Mapping[str, Json], member: str) -> str:
    value = given.get(member)
    if not isinstance(value, str) or not value:
        raise invalid(f"{member} must be text, and not empty")
    return value


def _port(value: Json) -> int:
    text = str(value)
    if not (text.isascii() and text.isdigit()) or not 0 < int(text) < 65_536:
        raise invalid(f"`{text:.40}` is not a port")
    return int(text)


def _one_of(value: Json, member: str, words: tuple[str, ...]) -> str:
    if value not in words:
        raise invalid(f"{member} must be one of {', '.join(words)}")
    return str(value)


def _list(value: Json, member: str) -> list[Json]:
    if value is None:
        return []
    if not isinstance(value, list):
        raise invalid(f"{member} must be a list")
    return value


def _object(value: Json, member: str) -> Mapping[str, Json]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise invalid(f"{member} must be an object")
    return value


def invalid(detail: str) -> InvalidArgumentsError:
    """The error for arguments that make no program."""
    return InvalidArgumentsError(validation_problem(detail))
