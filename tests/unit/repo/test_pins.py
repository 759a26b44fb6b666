"""Everything that a fresh set-up installs is pinned."""

import tomllib
from pathlib import Path

from packaging.requirements import Requirement

from scripts.pins import pins

ROOT = Path(__file__).parents[3]


def test_every_package_that_the_project_needs_is_pinned_to_what_is_installed() -> None:
    pinned = set((ROOT / "constraints.txt").read_text().splitlines())
    assert set(pins()) - pinned == set(), "run 'make pins'"


def test_the_pins_reach_the_dependencies_of_dependencies() -> None:
    names = {pin.partition("==")[0] for pin in pins()}
    assert {"grpcio", "anyio", "setuptools", "pytest"} <= names


def test_the_build_requirement_is_pinned_too() -> None:
    required = tomllib.loads((ROOT / "pyproject.toml").read_text())["build-system"]["requires"]
    names = {pin.partition("==")[0] for pin in pins()}
    assert {Requirement(line).name for line in required} <= names
