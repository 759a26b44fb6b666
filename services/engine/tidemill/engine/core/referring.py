"""Documents from outside as JSON that refers to itself, read as far as a call needs it."""

from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from itertools import islice
from typing import Final
from urllib.parse import unquote

from tidemill.dsl.problems import refusal
from tidemill.json import Json

# Each `$ref` may lead to another one.
REFERENCES_MAX: Final = 16
_KNOWN_MAX: Final = 20
# Names that are looked through for one that was meant.
_COMPARED_MAX: Final = 1_000
_NO_MEMBERS: Final[Mapping[str, Json]] = {}


class Referring:
    """A document whose objects may stand elsewhere in it, by `$ref`."""

    def __init__(self, value: Json) -> None:
        self._value = value
        self.members = members(value)

    def resolve(self, value: Json) -> Mapping[str, Json]:
        """An object, or the one that it refers to in this document; none where it is no object.

        Raises DocumentError for a reference that leads out of the document, nowhere, or in a circle.
        """
        for _ in range(REFERENCES_MAX):
            found = members(value)
            reference = found.get("$ref")
            if not isinstance(reference, str):
                return found
            value = self._at(reference)
        raise refusal(f"more than {REFERENCES_MAX} `$ref` lead to one another")

    def _at(self, reference: str) -> Json:
        if not reference.startswith("#/"):
            raise refusal(f"the `$ref` `{reference:.120}` leads out of the document, which is not followed")
        value = self._value
        for token in reference[2:].split("/"):
            key = unquote(token).replace("~1", "/").replace("~0", "~")
            if not isinstance(value, dict) or key not in value:
                raise refusal(f"the `$ref` `{reference:.120}` leads nowhere")
            value = value[key]
        return value


def members(value: Json) -> Mapping[str, Json]:
    """An object's members; none for whatever is no object."""
    return value if isinstance(value, dict) else _NO_MEMBERS


def objects(value: Json, limit: int) -> Iterator[Json]:
    """The items of an array, up to a limit; none for whatever is no array."""
    return islice(value, limit) if isinstance(value, list) else iter(())


def known_names(meant: str, known: Iterable[str]) -> str:
    """Which name may have been meant, or some of those that there are; empty where there are none."""
    names = sorted(known)
    close = get_close_matches(meant[:80], names, n=1) if len(names) <= _COMPARED_MAX else []
    if close:
        return f"did you mean `{close[0]:.80}`?"
    listed = ", ".join(f"`{name:.80}`" for name in names[:_KNOWN_MAX])
    more = f" and {len(names) - _KNOWN_MAX} more" if len(names) > _KNOWN_MAX else ""
    return f"there are {listed}{more}" if names else ""
