"""What is drawn of a definition: its tasks as a tree, each with a few words about what it does."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

BlockRole = Literal["do", "for", "branches", "try", "catch", "foreach"]

CONTINUE: Final = "continue"
EXIT: Final = "exit"
END: Final = "end"


@dataclass(frozen=True, slots=True)
class Case:
    """One case of a `switch`; the default one has no condition."""

    name: str
    condition: str
    then: str


@dataclass(frozen=True, slots=True)
class Block:
    """A list of tasks inside a task, and where in the document it stands.

    `detail` says what a `catch` catches or what a `foreach` goes through; `then` is that of a `catch`, empty
    without one. A `catch` that only retries does not lead on: when its retries are spent the error goes up.
    """

    role: BlockRole
    pointer: str
    tasks: tuple["Task", ...]
    detail: str = ""
    then: str = ""
    retries: str = ""
    leads_on: bool = True


@dataclass(frozen=True, slots=True)
class Task:
    """One task. `condition` is its `if`, empty without one."""

    reference: str
    name: str
    kind: str
    detail: str = ""
    condition: str = ""
    then: str = CONTINUE
    cases: tuple[Case, ...] = ()
    blocks: tuple[Block, ...] = ()

    def block(self, role: BlockRole) -> Block | None:
        """The block with that role."""
        return next((block for block in self.blocks if block.role == role), None)

    @property
    def loop(self) -> Block | None:
        """The block that runs in rounds, of a `for` or a `foreach`."""
        return self.block("for") or self.block("foreach")


@dataclass(frozen=True, slots=True)
class Part:
    """Tasks that stand beside the flow: a function, or what an extension puts before or after tasks."""

    title: str
    block: Block


@dataclass(frozen=True, slots=True)
class Outline:
    """A definition: `NS/NAME:VERSION`, what starts it, its tasks, and the parts that stand beside them."""

    title: str
    start: str
    root: Block
    parts: tuple[Part, ...] = ()

    def tasks(self) -> Iterator[Task]:
        """Every task, in the document's order."""
        yield from tasks_of(self.root)
        for part in self.parts:
            yield from tasks_of(part.block)


def tasks_of(block: Block) -> Iterator[Task]:
    """Every task of a block, those inside tasks after the task that holds them."""
    for task in block.tasks:
        yield task
        for inner in task.blocks:
            yield from tasks_of(inner)
