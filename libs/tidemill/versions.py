"""Semantic versions and which of two is the later one."""

import re
from dataclasses import dataclass
from functools import total_ordering
from typing import Final

_NUMBER: Final = "(0|[1-9][0-9]*)"
_IDENTIFIER: Final = "(?:0|[1-9][0-9]*|[0-9]*[A-Za-z-][0-9A-Za-z-]*)"
_VERSION: Final = re.compile(
    rf"{_NUMBER}\.{_NUMBER}\.{_NUMBER}"
    rf"(?:-({_IDENTIFIER}(?:\.{_IDENTIFIER})*))?(?:\+[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?"
)
VERSION_CHARACTERS_MAX: Final = 255


@total_ordering
@dataclass(frozen=True, slots=True)
class Version:
    """A version as semver 2.0.0 orders it (section 11): build metadata does not count."""

    numbers: tuple[int, int, int]
    pre_release: tuple[str, ...]

    @classmethod
    def parse(cls, text: str) -> "Version":
        """Read `1.2.3` or `1.2.3-rc.1+build`; raises ValueError for anything else."""
        found = _VERSION.fullmatch(text) if len(text) <= VERSION_CHARACTERS_MAX else None
        if found is None:
            raise ValueError(f"not a semantic version: {text[:80]!r}")
        major, minor, patch, pre_release = found.groups()
        identifiers = tuple(pre_release.split(".")) if pre_release else ()
        return cls((int(major), int(minor), int(patch)), identifiers)

    def __lt__(self, other: "Version") -> bool:
        return self._order() < other._order()

    def _order(self) -> tuple[tuple[int, int, int], bool, tuple[tuple[bool, int, str], ...]]:
        # A release follows all its pre-releases; a number sorts by value and before any word.
        return (
            self.numbers,
            not self.pre_release,
            tuple((False, int(item), "") if item.isdigit() else (True, 0, item) for item in self.pre_release),
        )
