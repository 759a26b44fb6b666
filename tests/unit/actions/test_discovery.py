"""Where actions come from: installed packages, named modules, and what is said when one does not load."""

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tidemill.actions.adapters.discovery import (
    ENTRY_POINT_GROUP,
    ActionModuleError,
    functions_of_modules,
    installed_functions,
    without_repeats,
)

MODULE = """
from tidemill.action_kit import action

@action("sample.one:1.0.0", effect_class="pure")
def one(arguments, context):
    return 1

@action("sample.two:1.0.0", effect_class="pure")
def two(arguments, context):
    return 2
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder to import from; what it brings is forgotten afterwards."""
    before = set(sys.modules)
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "sample_actions.py").write_text(MODULE)
    (tmp_path / "empty_actions.py").write_text("")
    (tmp_path / "broken_actions.py").write_text("1 / 0")
    yield tmp_path
    for name in set(sys.modules) - before:
        del sys.modules[name]


def installed(folder: Path, points: str) -> None:
    info = folder / "sample-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: sample\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[{ENTRY_POINT_GROUP}]\n{points}\n")
    importlib.invalidate_caches()


def test_a_named_module_brings_its_functions(folder: Path) -> None:
    found = functions_of_modules(" sample_actions , sample_actions,")
    assert [one.full_name for one in without_repeats(found)] == ["sample.one:1.0.0", "sample.two:1.0.0"]


def test_no_modules_are_no_functions() -> None:
    assert functions_of_modules("") == []


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("no_such_module", "cannot be imported"),
        ("empty_actions", "has no actions"),
        ("broken_actions", "division by zero"),
    ],
)
def test_a_module_that_brings_nothing_is_named(folder: Path, name: str, reason: str) -> None:
    with pytest.raises(ActionModuleError, match=reason) as refused:
        functions_of_modules(name)
    assert name in str(refused.value)


@pytest.mark.parametrize(
    ("points", "names"),
    [
        ("all = sample_actions", {"sample.one:1.0.0", "sample.two:1.0.0"}),
        ("one = sample_actions:one", {"sample.one:1.0.0"}),
    ],
)
def test_an_entry_point_names_a_module_or_a_function(folder: Path, points: str, names: set[str]) -> None:
    installed(folder, points)
    assert {one.full_name for one in installed_functions()} >= names


@pytest.mark.parametrize(
    "point", ["bad = broken_actions", "bad = sample_actions:three", "bad = empty_actions"]
)
def test_an_entry_point_that_does_not_load_is_named(folder: Path, point: str) -> None:
    installed(folder, point)
    with pytest.raises(ActionModuleError, match="bad"):
        installed_functions()
