"""What an image of the Dockerfile brings along: the environment, commands and ports of one of its stages."""

import json
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Final

from tidemill.testing.compose.problem import ComposeError

_CONTINUED: Final = re.compile(r"\\\n")
# What only the file system of an image gives a meaning to.
_OF_THE_IMAGE: Final = frozenset({"PATH"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """The defaults of a container."""

    environment: dict[str, str] = field(default_factory=dict)
    entrypoint: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    check: tuple[str, ...] = ()
    ports: tuple[int, ...] = ()
    working_dir: str = "/"


def read_image(dockerfile: str, stage: str) -> Image:
    """The image of a stage; raises ComposeError when there is none of the name, or for the shell form."""
    stages: dict[str, Image] = {}
    name = ""
    for instruction, rest in instructions(dockerfile):
        if instruction == "FROM":
            parent, _, named = rest.partition(" AS ")
            name = named.strip() or ""
            stages[name] = stages.get(parent.strip(), Image())
        elif name:
            stages[name] = _with(stages[name], instruction, rest)
    if stage not in stages or not stage:
        raise ComposeError(f"the Dockerfile has no stage {stage!r}")
    return stages[stage]


def _with(image: Image, instruction: str, rest: str) -> Image:
    match instruction:
        case "ENV":
            pairs = dict(part.split("=", 1) for part in shlex.split(rest))
            kept = {key: value for key, value in pairs.items() if key not in _OF_THE_IMAGE}
            return replace(image, environment={**image.environment, **kept})
        case "ENTRYPOINT":
            return replace(image, entrypoint=_listed(instruction, rest))
        case "CMD":
            return replace(image, command=_listed(instruction, rest))
        case "HEALTHCHECK":
            _, given, command = rest.partition("CMD ")
            return replace(image, check=_listed(instruction, command) if given else ())
        case "EXPOSE":
            return replace(image, ports=(*image.ports, *map(int, rest.split())))
        case "WORKDIR":
            return replace(image, working_dir=rest)
        case _:
            return image


def _listed(instruction: str, text: str) -> tuple[str, ...]:
    """The exec form; a shell would not hand signals on."""
    try:
        return tuple(map(str, json.loads(text)))
    except ValueError:
        raise ComposeError(f"{instruction} {text} is not a list of strings") from None


def instructions(dockerfile: str) -> Iterator[tuple[str, str]]:
    """Each instruction with the rest of its line, those that go on over lines in one."""
    lines = [line for line in dockerfile.splitlines() if not line.lstrip().startswith("#")]
    for line in _CONTINUED.sub(" ", "\n".join(lines)).splitlines():
        instruction, _, rest = line.strip().partition(" ")
        if instruction:
            yield instruction.upper(), rest.strip()
