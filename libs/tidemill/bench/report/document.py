"""The results as one JSON document, in which a later run replaces those scenarios that it ran."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final, cast

import orjson

from tidemill.bench.scenario import Target
from tidemill.bench.suite import Outcome, parameters_of
from tidemill.bench.summary import Summaries, Summary
from tidemill.json import Json

_SCHEMA: Final = 1
# By these a machine is the same; what its disk takes is measured anew each time.
_SAME_MACHINE: Final = ("cpu", "cores", "memory_gb")


class DocumentError(Exception):
    """A file of results cannot be read. The message is one line for people."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Circumstances:
    """What all results of one run have in common. `stack` is `embedded` or `kafka`."""

    stack: str
    date: str
    command: str
    versions: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One scenario on one stack."""

    scenario: str
    about: str
    stack: str
    date: str
    command: str
    versions: Mapping[str, str]
    runs: int
    parameters: Mapping[str, float]
    durability: str
    faults: Sequence[str]
    targets: Sequence[Target]
    cases: Summaries

    @property
    def checked(self) -> bool:
        """Whether nothing was lost, doubled or out of order."""
        return not self.faults

    def to_json(self) -> dict[str, Json]:
        """As the document has it."""
        return {**asdict(self), "checked": self.checked}

    @classmethod
    def from_json(cls, said: dict[str, Json]) -> "Entry":
        """An entry of a document; raises KeyError and TypeError."""
        fields = {name: value for name, value in said.items() if name != "checked"}
        targets = cast("list[dict[str, object]]", fields.pop("targets"))
        cases = cast("dict[str, dict[str, dict[str, float]]]", fields.pop("cases"))
        return cls(
            **cast("dict[str, object]", fields),  # type: ignore[arg-type]
            targets=[Target(**target) for target in targets],  # type: ignore[arg-type]
            cases={
                case: {figure: Summary(**summary) for figure, summary in figures.items()}
                for case, figures in cases.items()
            },
        )


@dataclass(frozen=True, slots=True)
class Document:
    """All results that were taken on one machine, by stack and in the order of the scenarios."""

    machine: Mapping[str, Json]
    entries: Sequence[Entry]

    def to_json(self) -> dict[str, Json]:
        """As it is written."""
        entries: list[Json] = [entry.to_json() for entry in self.entries]
        return {"schema": _SCHEMA, "machine": dict(self.machine), "results": entries}

    def of(self, scenario: str, stack: str) -> Entry | None:
        """The results of a scenario on a stack, where there are any."""
        found = [entry for entry in self.entries if (entry.scenario, entry.stack) == (scenario, stack)]
        return found[0] if found else None

    def stacks(self) -> list[str]:
        """The stacks that something was measured on."""
        return list(dict.fromkeys(entry.stack for entry in self.entries))

    def merged(self, newer: "Document") -> "Document":
        """With the newer results in place of those that they repeat; alone, where the machine is another."""
        if any(self.machine.get(name) != newer.machine.get(name) for name in _SAME_MACHINE):
            return newer
        found = {(entry.stack, entry.scenario): entry for entry in [*self.entries, *newer.entries]}
        return Document(newer.machine, list(found.values()))

    def sorted(self, scenarios: Sequence[str]) -> "Document":
        """In the order of these names."""
        order = {name: at for at, name in enumerate(scenarios)}
        key = lambda entry: (entry.stack, order.get(entry.scenario, len(order)))  # noqa: E731
        return Document(self.machine, sorted(self.entries, key=key))


def entry_of(outcome: Outcome, circumstances: Circumstances) -> Entry:
    """What a scenario has given."""
    scenario = outcome.scenario
    return Entry(
        scenario=scenario.name,
        about=" ".join((type(scenario).__doc__ or "").split()),
        stack=circumstances.stack,
        date=circumstances.date,
        command=circumstances.command,
        versions=circumstances.versions,
        runs=outcome.runs,
        parameters=parameters_of(scenario),
        durability=outcome.durability,
        faults=outcome.faults,
        targets=scenario.targets,
        cases=outcome.cases,
    )


def read_document(path: Path) -> Document | None:
    """The document at a path, None where there is none; raises DocumentError."""
    if not path.exists():
        return None
    try:
        said = orjson.loads(path.read_bytes())
        if said["schema"] != _SCHEMA:
            raise DocumentError(f"{path} is of schema {said['schema']}, not {_SCHEMA}")
        return Document(said["machine"], [Entry.from_json(entry) for entry in said["results"]])
    except (orjson.JSONDecodeError, KeyError, TypeError) as error:
        raise DocumentError(f"{path} is no document of results: {error}") from None


def write_document(path: Path, document: Document) -> None:
    """Write it, for people to read in a diff too."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(orjson.dumps(document.to_json(), option=orjson.OPT_INDENT_2) + b"\n")
