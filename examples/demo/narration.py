"""What the demo says at each stage, in plain sentences."""

from collections.abc import Sequence
from pathlib import Path

from examples.demo.expectations import Expectation
from examples.demo.sending import Sender
from examples.demo.stage import OwnStage, Stage
from tidemill.testing.effects import Temper


def starting(data: Path | None) -> str:
    """Before the services start."""
    if data is None:
        return "The services run already, and stay as they are: nothing is killed here."
    return (
        "Starting the Engine, Triggers and Actions services: three processes that talk over gRPC, with an "
        f"embedded command log and SQLite below {data}. What they acknowledge is fsynced."
    )


def started(stage: Stage) -> str:
    """Once they are up."""
    if not isinstance(stage, OwnStage):
        where = stage.client.addresses
        return f"The Engine is at {where.engine}, Triggers at {where.triggers}, Actions at {where.actions}."
    pids = ", ".join(f"{name} is process {pid}" for name, pid in stage.stack.pids().items())
    return f"They are up: {pids}."


def outside(stage: Stage, temper: Temper) -> str:
    """About the provider."""
    return (
        f"The outside world is a small HTTP server at {stage.provider.url}, an SMS and e-mail provider. Of "
        f"all first calls it answers {temper.refusing_rate:.0%} with 503 and {temper.slow_rate:.0%} slowly, "
        f"and for {temper.silent_rate:.0%} it does the work and never says so (seed {temper.seed}). It counts"
        " what it does by what each message is for, whatever key it came under."
    )


def published(names: Sequence[str]) -> str:
    """After the workflows are published."""
    return f"Published {len(names)} workflows from examples/: {', '.join(names)}."


def sending(sender: Sender, distinct: int, expectation: Expectation) -> str:
    """Before the first event."""
    return (
        f"Sending {distinct:,} events to Triggers, {sender.total - distinct:,} of them twice. They must lead "
        f"to {expectation.executions.total():,} executions and {len(expectation.effects):,} effects."
    )


def killed(sender: Sender, effects_made: int) -> str:
    """After the kill."""
    return (
        f"Killed the Engine with SIGKILL, after {sender.acknowledged:,} events and {effects_made:,} effects. "
        "Events keep coming, and nobody takes them."
    )


def restarted(stage: OwnStage) -> str:
    """Once the Engine is back."""
    return (
        f"Started the Engine again, as process {stage.stack.pids()['engine']}. It goes on from what is on "
        "disk, and asks again for what was under way, under the same keys."
    )


def sent(sender: Sender) -> str:
    """After the last event."""
    return (
        f"Every event is acknowledged; {sender.recognised:,} were recognised as ones that had come before. "
        "Waiting for the last executions to end."
    )


def over() -> str:
    """Before the verdict."""
    return "Everything has come to rest. Reading the histories, and comparing with what was wanted."


def result(data: Path | None, *, holds: bool) -> str:
    """The last line."""
    if holds:
        return "Nothing was lost and nothing was done twice."
    if data is None:
        return "This is not what was wanted. The services' logs tell more."
    return f"This is not what was wanted. The services' logs and files are in {data}."
