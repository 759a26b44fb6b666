"""The core's limits, each with its unit, and what `$runtime` says."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

# The version that a start of (namespace, workflow, version) gets, where an empty version asks for the latest;
# None when there is no such definition.
Definitions: TypeAlias = Callable[[str, str, str], str | None]


def as_asked(_namespace: str, _workflow: str, version: str) -> str | None:
    """Definitions of which nothing is known: the version stays as it was asked for."""
    return version


@dataclass(frozen=True, slots=True)
class CoreSettings:
    """What a plan is compiled with."""

    # Tasks and rounds that one command enters; what comes after is put off, by a timer that is due at once.
    entries_per_command_max: int = 1_000
    # Times that an execution is put off without a fact from outside; over it, it runs in a circle and faults.
    yields_in_a_row_max: int = 1_000
    # Operations of all expressions that one command evaluates: about a second's worth. Once half of them are
    # spent, or half of the bytes, the next task is put off too.
    operations_per_command_max: int = 2_000_000
    # Bytes that one command may make for its events and requests, all tasks together.
    bytes_per_command_max: int = 67_108_864
    # Executions above one another, each started by a `run` of the one before.
    child_depth_max: int = 32
    # An execution that is older than this when it starts another without waiting for it begins a new chain.
    runaway_us: int = 1_000_000
    # Whatever an expression or a template makes for later tasks is no larger than a client's payload may be.
    payload_bytes_max: int = 16_777_216
    # How long before a wait begins an event may have come and still be heard: lanes keep events that long.
    event_buffer_us: int = 300_000_000
    # Events that one `listen` may take, and the bytes of these as they came.
    events_per_listen_max: int = 10_000
    bytes_per_listen_max: int = 4_194_304
    # What is published at the time of a step; what it answers is recorded.
    definitions: Definitions = as_asked
    runtime_version: str = "0.1.0"
