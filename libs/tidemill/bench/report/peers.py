"""What other engines do on the same machine: a list that somebody else has written, see bench/README.md."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import orjson

from tidemill.bench.report.document import Document, DocumentError
from tidemill.bench.summary import Summary

_TEXTS: Final = ("peer", "version", "durability", "stack", "note")
_FIGURES: Final = ("steps_per_s", "cpu_s_per_1k_steps", "p50_ms", "p99_ms")


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """The figures by which engines are compared; None for what was not measured."""

    peer: str
    version: str
    durability: str
    steps_per_s: float | None = None
    cpu_s_per_1k_steps: float | None = None
    p50_ms: float | None = None
    p99_ms: float | None = None
    # The stack of ours to compare with; empty for each.
    stack: str = ""
    note: str = ""


def read_peers(path: Path) -> list[Standing]:
    """The rows of the file, none where there is none; raises DocumentError."""
    if not path.exists():
        return []
    try:
        return [_standing(row) for row in orjson.loads(path.read_bytes())]
    except (orjson.JSONDecodeError, AttributeError, KeyError, TypeError, ValueError) as error:
        raise DocumentError(f"{path} is no list of peers: {error}") from None


def ours(document: Document) -> list[Standing]:
    """Our own rows, one for each stack: the loaded figures of `throughput`, the times alone of `latency`."""
    found = []
    for stack in document.stacks():
        loaded, alone = document.of("throughput", stack), document.of("latency", stack)
        if loaded is None or not loaded.cases:
            continue
        figures = next(iter(loaded.cases.values()))
        times = {} if alone is None else alone.cases.get("alone", {})
        found.append(
            Standing(
                peer=f"Tidemill, {stack}",
                version=loaded.versions.get("commit") or loaded.versions["tidemill"],
                durability=loaded.durability,
                steps_per_s=_median(figures.get("steps_per_s")),
                cpu_s_per_1k_steps=_median(figures.get("cpu_s_per_1k_steps")),
                p50_ms=_median(times.get("p50_ms")),
                p99_ms=_median(times.get("p99_ms")),
                stack=stack,
            )
        )
    return found


def _standing(row: dict[str, object]) -> Standing:
    texts = {name: str(row[name]) for name in _TEXTS if name in row}
    figures = {name: float(str(row[name])) for name in _FIGURES if row[name] is not None}
    return Standing(**texts, **figures)  # type: ignore[arg-type]


def _median(summary: Summary | None) -> float | None:
    return None if summary is None else summary.median
