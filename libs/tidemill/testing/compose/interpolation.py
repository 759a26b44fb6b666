"""Variables in a compose file: `${NAME}`, `${NAME:-default}`, `${NAME:?message}` and their kin."""

import re
from collections.abc import Mapping
from typing import Final

from tidemill.testing.compose.problem import ComposeError

_VARIABLE: Final = re.compile(
    r"\$(?:(?P<escaped>\$)|(?P<bare>[A-Za-z_]\w*)|\{(?P<name>[A-Za-z_]\w*)(?:(?P<how>:?[-?])(?P<rest>[^{}]*))?\})"
)


def interpolate(text: str, variables: Mapping[str, str]) -> str:
    """The text with each variable replaced; one that is not set is empty. Raises ComposeError for `?`."""

    def value(found: re.Match[str]) -> str:
        if found["escaped"]:
            return "$"
        name, how, rest = found["bare"] or found["name"], found["how"] or "", found["rest"] or ""
        current = variables.get(name)
        # With a colon an empty value is as good as none.
        if current is not None and not (how.startswith(":") and not current):
            return current
        if how.endswith("?"):
            raise ComposeError(f"{name} is not set: {rest or 'it must be'}")
        return rest if how else ""

    return _VARIABLE.sub(value, text)


def interpolate_tree(value: object, variables: Mapping[str, str]) -> object:
    """The same for every text below a value of YAML, but for the keys of mappings."""
    match value:
        case str():
            return interpolate(value, variables)
        case dict():
            return {key: interpolate_tree(item, variables) for key, item in value.items()}
        case list():
            return [interpolate_tree(item, variables) for item in value]
        case _:
            return value


def read_variables(text: str) -> dict[str, str]:
    """The variables of an env file: lines `NAME=value`; blank lines and those with `#` first say nothing."""
    variables = {}
    for line in map(str.strip, text.splitlines()):
        if line and not line.startswith("#"):
            name, equals, value = line.partition("=")
            if not equals:
                raise ComposeError(f"{line!r} is not NAME=value")
            variables[name.strip()] = value.strip()
    return variables
