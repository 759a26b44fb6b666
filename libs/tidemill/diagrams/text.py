"""Draws a definition as a tree for the terminal, one line a task, with the path of an execution beside it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from tidemill.diagrams.facts import MARKS, catch_facts, facts, headline, legend, phase_of
from tidemill.diagrams.outline import CONTINUE, Block, Outline, Task
from tidemill.diagrams.path import Path
from tidemill.diagrams.words import one_line

# What stands before one of several lines, before the last one, and before what is below one that is not last.
_IN_ORDER: Final = ("├─ ", "└─ ", "│  ")
_SIDE_BY_SIDE: Final = ("╠═ ", "╚═ ", "║  ")
_BELOW_LAST: Final = "   "


def draw_text(outline: Outline, path: Path | None = None) -> str:
    """The tree, and for an execution what became of each task; double lines are branches of a `fork`."""
    writer = _Writer(path)
    start = _Line(f"start {outline.start}".rstrip())
    lines = [one_line(outline.title), *([headline(path)] if path else [])]
    lines += _rows([start, *writer.tasks(outline.root), _Line("end")])
    for part in outline.parts:
        lines += [part.title, *_rows(writer.tasks(part.block))]
    return "\n".join([*lines, *([legend()] if path else [])]) + "\n"


@dataclass(frozen=True, slots=True)
class _Line:
    """A line of the tree with those below it."""

    text: str
    below: Sequence["_Line"] = ()
    side_by_side: bool = False


def _rows(lines: Sequence[_Line], *, side_by_side: bool = False) -> Iterator[str]:
    middle, last, beside = _SIDE_BY_SIDE if side_by_side else _IN_ORDER
    for line in lines:
        is_last = line is lines[-1]
        yield f"{last if is_last else middle}{line.text}"
        margin = _BELOW_LAST if is_last else beside
        yield from (f"{margin}{row}" for row in _rows(line.below, side_by_side=line.side_by_side))


class _Writer:
    """Writes the lines of tasks."""

    def __init__(self, path: Path | None) -> None:
        self._path = path

    def tasks(self, block: Block) -> list[_Line]:
        """The lines of a list of tasks."""
        return [self._task(task) for task in block.tasks]

    def _task(self, task: Task) -> _Line:
        words = f"{task.kind} {task.name}"
        words += f": {task.detail}" if task.detail else ""
        words += f", if {task.condition}" if task.condition else ""
        return _Line(
            self._marked(task.reference, f"{one_line(words)}{_arrow(task.then)}"),
            [*_cases(task), *(line for block in task.blocks for line in self._below(task, block))],
            side_by_side=task.kind == "fork",
        )

    def _below(self, task: Task, block: Block) -> Iterator[_Line]:
        match block.role:
            case "catch":
                yield _Line(self._catch(task, block), self.tasks(block))
            case "foreach":
                yield _Line(f"for {block.detail}", self.tasks(block))
            case _:
                yield from self.tasks(block)

    def _catch(self, task: Task, block: Block) -> str:
        detail = ", ".join(filter(None, (block.detail, block.retries)))
        words = f"catch {detail}".rstrip() + _arrow(block.then or CONTINUE)
        return f"{words}{_told(catch_facts(self._path, task.reference))}" if self._path else words

    def _marked(self, reference: str, words: str) -> str:
        if self._path is None:
            return words
        mark = MARKS[phase_of(self._path, reference)]
        return f"{mark} {words}{_told(facts(self._path, reference))}"


def _cases(task: Task) -> Iterator[_Line]:
    for case in task.cases:
        words = f"{case.name}: {case.condition}" if case.condition else case.name
        yield _Line(f"{one_line(words)}{_arrow(case.then, always=True)}")


def _arrow(then: str, *, always: bool = False) -> str:
    return f" → {one_line(then)}" if always or then != CONTINUE else ""


def _told(words: Sequence[str]) -> str:
    return f"  [{', '.join(words)}]" if words else ""
