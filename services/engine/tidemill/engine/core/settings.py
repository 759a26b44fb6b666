"""The core's limits, each with its unit, and what `$runtime` says."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CoreSettings:
    """What a plan is compiled with."""

    # A command that enters more tasks and rounds than this runs in a circle: the execution faults.
    entries_per_command_max: int = 10_000
    # Operations of all expressions that one command evaluates: about a second's worth.
    operations_per_command_max: int = 2_000_000
    # Bytes that one command may make for its events and requests, all tasks together.
    bytes_per_command_max: int = 67_108_864
    # Whatever an expression or a template makes for later tasks is no larger than a client's payload may be.
    payload_bytes_max: int = 1_048_576
    runtime_version: str = "0.1.0"
