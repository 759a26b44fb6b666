"""House rules that no linter knows: sizes, names, docstrings, and what may not stand in a tracked file."""

import ast
import re
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]

FUNCTION_LINES_MAX = 70
FILE_LINES_MAX = 500
FORBIDDEN_MODULES = {"utils", "util", "common", "helpers", "helper", "manager", "base", "misc"}
IMPORT_ROOTS = ("services/engine", "services/triggers", "services/actions", "libs")

# Written in pieces, so that this file is not what it looks for.
LEFTOVERS = re.compile("|".join(["TO" + "DO", "FIX" + "ME", r"\bX" + r"XX\b", r"\bHA" + r"CK\b"]))
MACHINE_PATHS = re.compile(r"(^|[^A-Za-z0-9_.])/(work|farm|root|home|Users)/[A-Za-z0-9._-]")
REGISTRIES = re.compile(
    "|".join([r"--(extra-)?index" + "-url", r"(^|[^a-z])index" + r"-url *=", r"^registry" + r" *=",
              r'"resolved": *"' + "http", r"https?://[^ \"]*(regis" + r"try|mirr" + r"or|/sim" + r"ple/)"])
)  # fmt: skip
PINNED = re.compile(r"[A-Za-z0-9._-]+==[A-Za-z0-9.+!-]+")


@cache
def tracked() -> tuple[Path, ...]:
    """Files of the project: tracked, or new and not ignored; generated ones and binaries left out."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    paths = [ROOT / name for name in listed.split("\0") if name and not name.startswith("gen/")]
    return tuple(path for path in paths if path.is_file() and b"\0" not in path.read_bytes()[:8000])


def python_files() -> list[Path]:
    return [path for path in tracked() if path.suffix == ".py"]


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


def functions(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def lines_of(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    assert node.end_lineno is not None
    return node.end_lineno - node.lineno + 1


def test_the_walk_sees_this_file_and_the_libraries() -> None:
    assert {Path(__file__), ROOT / "libs/tidemill/errors.py", ROOT / "Makefile"} <= set(tracked())


@pytest.mark.parametrize("path", python_files(), ids=named)
def test_a_module_is_short_and_says_what_it_is_for(path: Path) -> None:
    text = path.read_text()
    tree = ast.parse(text)
    assert len(text.splitlines()) <= FILE_LINES_MAX
    assert path.stem not in FORBIDDEN_MODULES
    assert ast.get_docstring(tree) or not tree.body, "a module starts with a docstring"
    long = [
        f"{node.name}: {lines_of(node)}" for node in functions(tree) if lines_of(node) > FUNCTION_LINES_MAX
    ]
    assert not long, f"functions over {FUNCTION_LINES_MAX} lines"


@pytest.mark.parametrize(
    "pattern", [LEFTOVERS, MACHINE_PATHS, REGISTRIES], ids=["leftovers", "paths", "registries"]
)
def test_tracked_files_hold_nothing_that_belongs_elsewhere(pattern: re.Pattern[str]) -> None:
    found = [
        f"{named(path)}:{number}: {line.strip()[:120]}"
        for path in tracked()
        for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1)
        if pattern.search(line)
    ]
    assert not found


@pytest.mark.parametrize(
    ("pattern", "line"),
    [
        (LEFTOVERS, "# TO" + "DO: later"),
        (MACHINE_PATHS, 'open("/ro' + 'ot/x")'),
        (REGISTRIES, "pip install --index" + "-url x"),
    ],
)
def test_the_patterns_find_what_they_are_for(pattern: re.Pattern[str], line: str) -> None:
    assert pattern.search(line)


def test_the_namespace_package_has_no_init_file() -> None:
    levels = [ROOT / root / "tidemill" for root in IMPORT_ROOTS] + [
        ROOT / "gen/tidemill",
        ROOT / "gen/tidemill/api",
    ]
    assert [named(level) for level in levels if (level / "__init__.py").exists()] == []


@pytest.mark.parametrize("root", IMPORT_ROOTS)
def test_every_package_below_the_namespace_has_an_init_file(root: str) -> None:
    top = ROOT / root / "tidemill"
    packages = {path.parent for path in python_files() if top in path.parents and path.parent != top}
    assert packages or not top.exists()
    assert [named(package) for package in sorted(packages) if not (package / "__init__.py").is_file()] == []


def test_constraints_are_names_and_versions_alone_and_sorted() -> None:
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    assert [line for line in lines if not PINNED.fullmatch(line)] == []
    names = [line.partition("==")[0].lower().replace("_", "-") for line in lines]
    assert names == sorted(set(names))
