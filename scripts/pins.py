"""Writes constraints.txt: the exact version of everything that the project needs, as it is installed here."""

import importlib.metadata as metadata
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

TARGET: Final = Path(__file__).parents[1] / "constraints.txt"
PROJECT: Final = "tidemill"
EXTRAS: Final = frozenset({"dev"})

Wanted = tuple[str, frozenset[str]]


def main() -> None:
    """Write the file anew."""
    TARGET.write_text("".join(f"{line}\n" for line in pins()))


def pins() -> list[str]:
    """`name==version` of each distribution that the project needs with its extras, sorted by name."""
    needed = sorted(_closure() - {canonicalize_name(PROJECT)})
    found = [metadata.distribution(name) for name in needed]
    return [f"{distribution.name}=={distribution.version}" for distribution in found]


def _closure() -> set[str]:
    seen: set[Wanted] = set()
    waiting: list[Wanted] = [(canonicalize_name(PROJECT), EXTRAS)]
    while waiting:
        wanted = waiting.pop()
        if wanted not in seen:
            seen.add(wanted)
            waiting.extend(_requirements(*wanted))
    return {name for name, _ in seen}


def _requirements(name: str, extras: frozenset[str]) -> Iterator[Wanted]:
    for line in metadata.distribution(name).requires or []:
        requirement = Requirement(line)
        marker = requirement.marker
        if marker is None or any(marker.evaluate({"extra": extra}) for extra in extras | {""}):
            yield canonicalize_name(requirement.name), frozenset(requirement.extras)


if __name__ == "__main__":
    main()
