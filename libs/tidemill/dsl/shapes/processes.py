"""Shapes of what `run` starts: workflows, shell commands, scripts, containers."""

from collections.abc import Mapping
from typing import Final

from tidemill.dsl.shapes.shape import Choice, Shape, UndecidedError, by_member, one_of, record
from tidemill.json import Json

_PROCESS_PARTS: Final[Mapping[str, str]] = {
    "stdin": "template text",
    "arguments": "template texts",
    "environment": "template object",
}


def _choose_lifetime(value: Json) -> str:
    """`eventually` needs to know when; the other two may not say."""
    if isinstance(value, dict):
        eventually = value.get("cleanup") == "eventually"
        if eventually != ("after" in value) and "cleanup" in value:
            raise UndecidedError("has `after` exactly when `cleanup` is `eventually`")
    return "container lifetime parts"


SHAPES: Final[Mapping[str, Shape]] = {
    "workflow process": record(
        "a workflow to run",
        {
            "namespace": "template text",
            "name": "template text",
            "version": "template text",
            "input": "template object",
        },
        required=("namespace", "name"),
    ),
    "shell process": record(
        "a shell command", {"command": "template text", **_PROCESS_PARTS}, required=("command",)
    ),
    "script process": by_member(
        "script process", "a script", {"code": "script parts", "source": "script parts"}
    ),
    "script parts": record(
        "a script",
        {"language": "text", "code": "template text", "source": "resource", **_PROCESS_PARTS},
        required=("language",),
    ),
    "container process": record(
        "a container",
        {
            "image": "template text",
            "name": "template text",
            "command": "template text",
            "ports": "template object",
            "volumes": "template object",
            "lifetime": "container lifetime",
            "pullPolicy": "pull policy",
            **_PROCESS_PARTS,
        },
        required=("image",),
    ),
    "container lifetime": Choice("container lifetime", _choose_lifetime),
    "container lifetime parts": record(
        "`lifetime`", {"cleanup": "container cleanup", "after": "duration"}, required=("cleanup",)
    ),
    "container cleanup": one_of("a clean-up policy", "always", "never", "eventually"),
    "pull policy": one_of("a pull policy", "ifNotPresent", "always", "never"),
}
