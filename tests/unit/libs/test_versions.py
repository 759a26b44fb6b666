"""The order of semantic versions."""

from itertools import pairwise

import pytest

from tidemill.versions import Version

# The specification's own chain (section 11), with the corners around it.
ASCENDING = [
    "0.0.0",
    "0.9.10",
    "1.0.0-0",
    "1.0.0-2",
    "1.0.0-11",
    "1.0.0-alpha",
    "1.0.0-alpha.1",
    "1.0.0-alpha.beta",
    "1.0.0-beta",
    "1.0.0-beta.2",
    "1.0.0-beta.11",
    "1.0.0-rc.1",
    "1.0.0",
    "1.0.1",
    "1.2.0",
    "1.10.0",
    "2.0.0-rc.1",
    "10.0.0",
]


@pytest.mark.parametrize(("earlier", "later"), list(pairwise(ASCENDING)))
def test_each_version_is_before_the_next(earlier: str, later: str) -> None:
    assert Version.parse(earlier) < Version.parse(later)
    assert not Version.parse(later) < Version.parse(earlier)


def test_a_whole_chain_sorts() -> None:
    mixed = ASCENDING[1::2] + ASCENDING[::2]
    assert sorted(mixed, key=Version.parse) == ASCENDING


def test_build_metadata_does_not_count() -> None:
    assert Version.parse("1.0.0+build.7") == Version.parse("1.0.0")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1",
        "1.0",
        "1.0.0.0",
        "v1.0.0",
        "01.0.0",
        "1.0.0-",
        "1.0.0-01",
        "1.0.0-a..b",
        "1.0.0+",
        "1.0.0\n",
        "\u0661.0.0",
    ],
)
def test_what_is_no_semantic_version_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a semantic version"):
        Version.parse(text)


def test_an_over_long_version_is_refused() -> None:
    with pytest.raises(ValueError, match="not a semantic version"):
        Version.parse("1.0." + "9" * 300)
