"""Which links an execution went along, counted while its history is read."""

from collections import Counter
from collections.abc import Callable, Mapping

from tidemill.api.events.v1 import history_pb2
from tidemill.diagrams.flow import END_NODE, FAULT_NODE, START_NODE, catch, gate, head, join
from tidemill.diagrams.outline import Block, Outline, Task, tasks_of
from tidemill.dsl.task_references import as_written, is_extended_itself, user_of, with_rounds


class Route:
    """Counts steps from node to node. It holds as much as the definition is large, however long the history.

    For each list of tasks it knows the node that control left last; what is entered next was reached from
    there. Tasks that the definition does not have are passed over; an extended task is entered and left as a
    whole.
    """

    def __init__(self, outline: Outline) -> None:
        self._taken: Counter[tuple[str, str]] = Counter()
        self._tasks = {task.reference: task for task in tasks_of(outline.root)}
        self._holders: dict[str, tuple[Block, Task | None]] = {}
        self._hold(outline.root, None)
        self._left: dict[str, str] = {}
        self._handling: set[str] = set()
        self._departed = START_NODE
        # The step of a branch that has just ended: to where branches come together, unless its `then` was
        # `end`, which the next event tells.
        self._joining: tuple[str, str] | None = None

    def finish(self) -> Mapping[tuple[str, str], int]:
        """How often each step was made."""
        self._join()
        return self._taken

    def _hold(self, block: Block, owner: Task | None) -> None:
        for task in block.tasks:
            self._holders[task.reference] = (block, owner)
            for inner in task.blocks:
                self._hold(inner, task)

    def apply(self, event: history_pb2.Event) -> None:
        """Fold one event; kinds that lead nowhere change nothing."""
        kind = event.WhichOneof("kind")
        if kind != "execution_completed":
            self._join()
        match kind:
            case "execution_completed":
                self._joining = None
                self._taken[self._departed, END_NODE] += 1
            case "execution_faulted" if event.execution_faulted.error.instance in self._tasks:
                self._taken[event.execution_faulted.error.instance, FAULT_NODE] += 1
            case "task_started" if not is_extended_itself(event.task_started.reference):
                self._with(event.task_started.reference, self._enter)
            case "task_skipped":
                self._with(event.task_skipped.reference, self._skip)
            case "task_completed" if not is_extended_itself(event.task_completed.reference):
                self._with(event.task_completed.reference, self._complete)
            case "round_started":
                self._with(with_rounds(event.round_started.reference), self._next_round)
            case "error_caught":
                step = self._retry_later if event.error_caught.retry else self._handle
                self._with(event.error_caught.reference, step)
            case "task_retried":
                self._with(event.task_retried.reference, self._retry)
            case _:
                pass

    def _with(self, reference: str, step: Callable[[Task], None]) -> None:
        task = self._tasks.get(as_written(reference))
        if task is not None:
            step(task)
        elif (user := user_of(reference)) in self._tasks:
            # Whatever a function or an extension has done, control is at the task that uses it.
            self._departed = user

    def _enter(self, task: Task) -> None:
        self._taken[self._source(task), head(task)] += 1
        if task.condition:
            self._taken[gate(task), task.reference] += 1
        for block in task.blocks:
            self._left.pop(block.pointer, None)
        self._handling.discard(task.reference)

    def _skip(self, task: Task) -> None:
        self._taken[self._source(task), head(task)] += 1
        self._leave(task, gate(task))

    def _complete(self, task: Task) -> None:
        self._leave(task, self._way_out(task))

    def _source(self, task: Task) -> str:
        block, owner = self._holders[task.reference]
        if owner is None:
            return self._left.get(block.pointer, START_NODE)
        if block.role == "branches":
            return owner.reference
        return self._left.get(block.pointer, catch(owner) if block.role == "catch" else owner.reference)

    def _leave(self, task: Task, node: str) -> None:
        block, owner = self._holders[task.reference]
        self._departed = node
        if block.role == "branches" and owner is not None:
            self._joining = (node, join(owner))
        else:
            self._left[block.pointer] = node

    def _join(self) -> None:
        if self._joining is not None:
            self._taken[self._joining] += 1
            self._joining = None

    def _way_out(self, task: Task) -> str:
        match task.kind:
            case "fork" if task.blocks[0].tasks:
                return join(task)
            case "try" if task.reference in self._handling:
                return self._left.get(task.blocks[1].pointer, catch(task))
            case "do" | "try":
                return self._left.get(task.blocks[0].pointer, task.reference)
            case _:
                self._next_round(task)
                return task.reference

    def _next_round(self, task: Task) -> None:
        """Come back to the task from the round before."""
        left = self._left.pop(task.loop.pointer, None) if task.loop else None
        if left is not None:
            self._taken[left, task.reference] += 1

    def _retry_later(self, task: Task) -> None:
        self._taken[task.reference, catch(task)] += 1

    def _handle(self, task: Task) -> None:
        self._retry_later(task)
        self._handling.add(task.reference)
        self._left.pop(task.blocks[1].pointer, None)

    def _retry(self, task: Task) -> None:
        self._taken[catch(task), task.reference] += 1
        self._left.pop(task.blocks[0].pointer, None)
