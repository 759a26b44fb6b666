"""Finds in `use` what tasks name there, and gives the inline object, so that one form is left to compile."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

from tidemill.json import Json


@dataclass(frozen=True, slots=True)
class UnknownReferenceError(Exception):
    """A name that the section of `use` does not have."""

    section: str
    name: str
    known: tuple[str, ...]

    def __str__(self) -> str:
        known = ", ".join(f"`{name}`" for name in self.known[:10]) or "nothing"
        return f"`{self.name:.80}` is not in `use.{self.section}`, which has {known}"


def section(document: Json, name: str) -> Mapping[str, Json]:
    """A section of `use` as a mapping; `secrets` by name, anything malformed or missing as empty."""
    use = document.get("use") if isinstance(document, dict) else None
    value = use.get(name) if isinstance(use, dict) else None
    if isinstance(value, list):
        return {item: None for item in value if isinstance(item, str)}
    return value if isinstance(value, dict) else {}


def lookup(document: Json, section_name: str, name: str) -> Json:
    """What stands under a name in a section of `use`. Raises UnknownReferenceError."""
    known = section(document, section_name)
    if name not in known:
        raise UnknownReferenceError(section_name, name, tuple(known))
    return known[name]


def resolve_retry(document: Json, value: Json) -> dict[str, Json]:
    """The retry policy that a `retry` means: itself, or the one that it names."""
    return _resolve(document, "retries", value)


def resolve_timeout(document: Json, value: Json) -> dict[str, Json]:
    """The timeout that a `timeout` means."""
    return _resolve(document, "timeouts", value)


def resolve_error(document: Json, value: Json) -> dict[str, Json]:
    """The error that a `raise.error` means."""
    return _resolve(document, "errors", value)


def resolve_authentication(document: Json, value: Json) -> dict[str, Json]:
    """The authentication that an `authentication` means; it names another with `{ use: name }`."""
    if isinstance(value, dict) and isinstance(value.get("use"), str):
        return _resolve(document, "authentications", value["use"])
    return _resolve(document, "authentications", value)


def _resolve(document: Json, section_name: str, value: Json) -> dict[str, Json]:
    """The document has passed its checks, so what is found is an object."""
    return cast("dict[str, Json]", lookup(document, section_name, value) if isinstance(value, str) else value)
