"""The tables on the pages of the language say what the code says."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import pytest
from ruamel.yaml import YAML

from tidemill import dsl, lanes
from tidemill.actions.adapters.builtin import BUILTIN_FUNCTIONS
from tidemill.actions.settings import Settings as ActionsSettings
from tidemill.civil import missed
from tidemill.dsl import limits, support
from tidemill.dsl.default_catalog import DEFAULT_FUNCTIONS
from tidemill.dsl.walk import Place
from tidemill.engine.core.settings import CoreSettings
from tidemill.engine.settings import Settings as EngineSettings
from tidemill.expressions import budget, parser
from tidemill.triggers.settings import Settings as TriggersSettings

ROOT: Final = Path(__file__).parents[3]
DOCS: Final = ROOT / "docs"
PAGES: Final = ("dsl.md", *(f"dsl/{path.name}" for path in sorted((DOCS / "dsl").glob("*.md"))))
FIXED: Final = (limits, missed, budget, parser, lanes, CoreSettings())
SETTINGS: Final[Mapping[str, tuple[object, ...]]] = MappingProxyType(
    {
        "-": FIXED,
        "TIDEMILL_ENGINE": (EngineSettings(),),
        "TIDEMILL_TRIGGERS": (TriggersSettings(),),
        "TIDEMILL_ACTIONS": (ActionsSettings(),),
    }
)
UNITS_US: Final = {"second": 10**6, "minute": 60 * 10**6, "hour": 3_600 * 10**6, "day": 86_400 * 10**6}
# The rows below the rule that ends the head of a table.
TABLE: Final = re.compile(r"^\|[ |-]+\|\n((?:\|.*\|\n)+)", re.MULTILINE)
CELLS: Final = re.compile(r"(?<!\\)\|")
HEADING: Final = re.compile(r"^#+ (.*)$", re.MULTILINE)
LINK: Final = re.compile(r"\]\(([^)#:]*)(?:#([^)]*))?\)")


def rows(page: str, heading: str) -> list[list[str]]:
    """The rows of all tables under a heading, without what stands above them."""
    text = (DOCS / page).read_text()
    section = re.split(rf"^#+ {re.escape(heading)}$", text, flags=re.MULTILINE)[1]
    section = HEADING.split(section)[0]
    found: list[list[str]] = []
    for table in TABLE.findall(section):
        found += [[cell.strip() for cell in CELLS.split(line)[1:-1]] for line in table.splitlines()]
    return found


def limit_rows() -> list[list[str]]:
    return rows("dsl.md", "Limits")


def number_of(text: str) -> tuple[int, str]:
    """A default as the page writes it: in microseconds where it has a unit of time."""
    number, _, unit = text.replace(",", "").partition(" ")
    return int(number), unit.removesuffix("s")


@pytest.mark.parametrize("row", limit_rows(), ids=lambda row: str(row[0]))
def test_a_limit_has_the_default_that_its_row_says(row: list[str]) -> None:
    name, (number, unit) = row[0].strip("`"), number_of(row[1])
    (found,) = {getattr(each, name) for each in SETTINGS[row[2].strip("`")] if hasattr(each, name)}
    assert found == number * (UNITS_US[unit] if name.lower().endswith(("_us", "_us_max")) else 1)


def test_each_limit_of_a_document_and_of_the_core_has_a_row() -> None:
    told = {row[0].strip("`") for row in limit_rows()}
    of_documents = {name for name in vars(limits) if name.endswith("_MAX")}
    of_executions = {name for name, value in _members(CoreSettings()) if isinstance(value, int)}
    assert of_documents | of_executions <= told


def _members(settings: Any) -> Iterator[tuple[str, object]]:  # noqa: ANN401 - a dataclass with slots
    return ((name, getattr(settings, name)) for name in settings.__slots__)


def refused_by(fragment: str) -> list[dsl.Problem]:
    """What is not supported in a document with one part, which passes all checks."""
    header = {"dsl": "1.0.3", "namespace": "pages", "name": "page", "version": "1.0.0"}
    part: Any = YAML(typ="safe", pure=True).load(fragment)
    document = {"do": [{"a": {"set": {"a": 1}}}], **part, "document": {**header, **part.get("document", {})}}
    assert [problem for problem in dsl.check(document) if problem.severity == "error"] == []
    return dsl.unsupported(document)


def test_all_that_does_not_run_yet_is_told_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    refused: dict[str, set[str]] = {}

    def spied(level: str, look: support.Look) -> support.Look:
        def spy(place: Place) -> Iterator[support.Finding]:
            for member, feature in look(place):
                refused.setdefault(level, set()).add(feature)
                yield member, feature

        return spy

    table = {level: spied(level, look) for level, look in support._TABLE.items()}
    monkeypatch.setattr(support, "_TABLE", MappingProxyType(table))
    for what, fragment in rows("dsl.md", "What does not run yet"):
        assert refused_by(fragment.strip("`")), what
    assert refused.keys() == table.keys()


def test_the_standard_errors_are_those_of_the_code() -> None:
    told = {row[0].strip("`"): int(row[1]) for row in rows("dsl/errors.md", "Standard errors")}
    assert told == {name: error.status for name, error in dsl.STANDARD_ERRORS.items()}
    page = (DOCS / "dsl/errors.md").read_text()
    assert all(f"`{error.type.removesuffix(name)}`" in page for name, error in dsl.STANDARD_ERRORS.items())


def test_each_function_has_a_chapter() -> None:
    headings = set(re.findall(r"^## `(\w+)`$", (DOCS / "dsl/functions.md").read_text(), re.MULTILINE))
    assert headings == DEFAULT_FUNCTIONS.keys()
    heading = "`tidemill.echo` and `tidemill.noop`"
    told = {row[0].strip("`"): row[1].strip("`") for row in rows("dsl/functions.md", heading)}
    assert told == {each.full_name: each.effect_class.value for each in BUILTIN_FUNCTIONS}


@pytest.mark.parametrize("page", PAGES)
def test_a_link_leads_to_a_page_and_a_heading(page: str) -> None:
    path = DOCS / page
    for target, anchor in LINK.findall(path.read_text()):
        found = (path.parent / target).resolve() if target else path
        assert found.exists(), target
        if anchor:
            anchors = {_anchor(heading) for heading in HEADING.findall(found.read_text())}
            assert anchor in anchors, f"{target}#{anchor}"


def _anchor(heading: str) -> str:
    """The anchor that sites which draw Markdown give to a heading."""
    return re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")
