"""A diagram as JSON: nodes and links for machines that draw themselves."""

from collections.abc import Iterator

from tidemill.client.plain import rfc3339
from tidemill.diagrams.facts import phase_of
from tidemill.diagrams.flow import links_of
from tidemill.diagrams.outline import Block, Outline
from tidemill.diagrams.path import Path
from tidemill.json import Json


def diagram_json(outline: Outline, path: Path | None = None) -> Json:
    """The object that `show --json` prints; `execution` is null for a definition."""
    blocks = (outline.root, *(part.block for part in outline.parts))
    return {
        "definition": outline.title,
        "start": outline.start or None,
        "tasks": [task for block in blocks for task in _tasks(block, None, path)],
        "links": [
            {
                "source": link.source,
                "target": link.target,
                "label": link.label or None,
                "kind": link.kind,
                **({} if path is None else {"taken": path.taken.get((link.source, link.target), 0)}),
            }
            for link in links_of(outline)
        ],
        "execution": None if path is None else _execution(path),
    }


def _tasks(block: Block, owner: str | None, path: Path | None) -> Iterator[Json]:
    for task in block.tasks:
        yield {
            "reference": task.reference,
            "name": task.name,
            "kind": task.kind,
            "detail": task.detail or None,
            "if": task.condition or None,
            "inside": owner,
            "block": block.role,
            **({} if path is None else {"path": _path(path, task.reference)}),
        }
        for inner in task.blocks:
            yield from _tasks(inner, task.reference, path)


def _execution(path: Path) -> Json:
    return {
        "execution_id": path.execution_id,
        "phase": path.phase,
        "error": path.error or None,
        "started_at": rfc3339(path.started_at_us),
        "closed_at": _time(path.closed_at_us),
    }


def _path(path: Path, reference: str) -> Json:
    task = path.tasks.get(reference)
    if task is None:
        return None
    return {
        "phase": phase_of(path, reference),
        "entered": task.entered,
        "skipped": task.skipped,
        "rounds": task.rounds,
        "caught": task.caught,
        "heard": task.heard,
        "attempt": task.attempt,
        "first_started_at": _time(task.first_started_at_us),
        "ended_at": _time(task.ended_at_us),
        "due_at": _time(task.due_at_us),
        "error": task.error or None,
        "child": task.child or None,
    }


def _time(time_us: int | None) -> Json:
    return None if time_us is None else rfc3339(time_us)
