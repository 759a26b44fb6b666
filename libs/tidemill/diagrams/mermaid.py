"""Draws a definition as a Mermaid flowchart, with the path of an execution in colours and thick links."""

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Final

from tidemill.diagrams.facts import MARKS, NEVER, catch_facts, facts, headline, legend, phase_of
from tidemill.diagrams.flow import (
    END_NODE,
    FAULT_NODE,
    START_NODE,
    Link,
    catch,
    gate,
    join,
    links_of,
)
from tidemill.diagrams.labels import quoted
from tidemill.diagrams.outline import Block, Outline, Task
from tidemill.diagrams.path import Path

_INDENT: Final = "  "
_STYLES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "completed": "fill:#dcfce7,stroke:#15803d,color:#14532d",
        "faulted": "fill:#fee2e2,stroke:#b91c1c,color:#7f1d1d",
        "cancelled": "fill:#ffedd5,stroke:#c2410c,color:#7c2d12",
        "skipped": "fill:#f3f4f6,stroke:#6b7280,color:#374151,stroke-dasharray:4",
        "running": "fill:#dbeafe,stroke:#1d4ed8,color:#1e3a8a",
        "waiting": "fill:#fef9c3,stroke:#a16207,color:#713f12",
        "suspended": "fill:#ede9fe,stroke:#6d28d9,color:#4c1d95",
        NEVER: "fill:#ffffff,stroke:#d1d5db,color:#6b7280",
    }
)
_SHAPES: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        "switch": ("{", "}"),
        "for": ("{{", "}}"),
        "fork": ("[/", "\\]"),
        "wait": ("(", ")"),
        "listen": ("(", ")"),
    }
)
_BOX: Final = ("[", "]")
_ROUND: Final = ("([", "])")
_ASKING: Final = ("{", "}")
_JOINING: Final = ("[\\", "/]")


def draw_mermaid(outline: Outline, path: Path | None = None) -> str:
    """The flowchart's text. Node ids are `t1`, `t2` and so on, in the order of the document."""
    return "".join(f"{line}\n" for line in _Chart(outline, path).lines())


class _Chart:
    """Writes one flowchart."""

    def __init__(self, outline: Outline, path: Path | None) -> None:
        self._outline = outline
        self._path = path
        self._ids = {START_NODE: "start", END_NODE: "finish", FAULT_NODE: "fault"}
        for number, task in enumerate(outline.tasks(), start=1):
            self._ids |= {
                task.reference: f"t{number}",
                gate(task): f"t{number}if",
                join(task): f"t{number}join",
                catch(task): f"t{number}catch",
            }

    def lines(self) -> Iterator[str]:
        """Nodes first, then the links between them, then the colours."""
        links = self._links()
        yield "flowchart TD"
        yield from map(_indented, self._nodes(links))
        yield from map(_indented, map(self._link, links))
        if self._path is not None:
            yield from (f"{_INDENT}classDef {phase} {style}" for phase, style in _STYLES.items())

    def _links(self) -> list[Link]:
        """The definition's links, and the one by which an uncaught error left."""
        links = links_of(self._outline)
        known = {(link.source, link.target) for link in links}
        taken = self._path.taken if self._path is not None else {}
        faults = [Link(*step, kind="error") for step in taken if step[1] == FAULT_NODE and step not in known]
        return links + faults

    def _nodes(self, links: list[Link]) -> Iterator[str]:
        targets = {link.target for link in links}
        title = [self._outline.title, *([headline(self._path)] if self._path else [])]
        yield self._node(START_NODE, _ROUND, [*title, f"start {self._outline.start}"])
        yield from self._block(self._outline.root)
        yield self._node(END_NODE, _ROUND, ["end"])
        if FAULT_NODE in targets:
            yield self._node(FAULT_NODE, _ROUND, ["fault"])
        for number, part in enumerate(self._outline.parts, start=1):
            yield from _boxed(f"part{number}", part.title, self._block(part.block))
        if self._path is not None:
            yield f"legend[{quoted(legend())}]"

    def _block(self, block: Block) -> Iterator[str]:
        for task in block.tasks:
            if task.condition:
                yield self._node(gate(task), _ASKING, [f"if {task.condition}"])
            if task.blocks:
                yield from _boxed(f"{self._ids[task.reference]}box", task.name, self._inside(task))
            else:
                yield self._task(task)

    def _inside(self, task: Task) -> Iterator[str]:
        yield self._task(task)
        for block in task.blocks:
            if block.role == "catch":
                yield from _boxed(f"{self._ids[task.reference]}catchbox", "catch", self._catch(task, block))
            else:
                yield from self._block(block)
        if task.kind == "fork" and task.blocks[0].tasks:
            yield self._node(join(task), _JOINING, ["join"])

    def _catch(self, task: Task, block: Block) -> Iterator[str]:
        words = [f"catch {block.detail}", block.retries]
        told = catch_facts(self._path, task.reference) if self._path is not None else []
        yield self._node(catch(task), _BOX, [*words, ", ".join(told)])
        yield from self._block(block)

    def _task(self, task: Task) -> str:
        shape = _SHAPES.get("for" if task.loop else task.kind, _BOX)
        loop = task.block("foreach")
        words = [f"{task.kind} {task.name}", task.detail, f"for {loop.detail}" if loop else ""]
        if self._path is None:
            return self._node(task.reference, shape, words)
        phase = phase_of(self._path, task.reference)
        words[0] = f"{MARKS[phase]} {words[0]}"
        told = ", ".join(facts(self._path, task.reference))
        return f"{self._node(task.reference, shape, [*words, told])}:::{phase}"

    def _node(self, key: str, shape: tuple[str, str], words: list[str]) -> str:
        return f"{self._ids[key]}{shape[0]}{quoted(*words)}{shape[1]}"

    def _link(self, link: Link) -> str:
        count = self._path.taken.get((link.source, link.target), 0) if self._path is not None else 0
        arrow = "==>" if count else ("-.->" if link.kind == "error" else "-->")
        words = [link.label, f"{count} times" if count > 1 else ""]
        label = f"|{quoted(*words)}|" if any(words) else ""
        return f"{self._ids[link.source]} {arrow}{label} {self._ids[link.target]}"


def _boxed(identifier: str, title: str, inside: Iterator[str]) -> Iterator[str]:
    yield f"subgraph {identifier}[{quoted(title)}]"
    yield from map(_indented, inside)
    yield "end"


def _indented(line: str) -> str:
    return f"{_INDENT}{line}"
