"""Calls on their way through the service, and the streams that wait for their answers."""

from __future__ import annotations

import asyncio
from enum import Enum, auto
from typing import Protocol

from tidemill.actions.core.decision import Claim
from tidemill.actions.core.model import Answer, Call
from tidemill.actions.registry import Action


class Waiter(Protocol):
    """Who is told how a call ended."""

    @property
    def is_open(self) -> bool:
        """False once nobody is there to be told."""
        ...

    def answer(self, answer: Answer) -> None:
        """Take the answer; never waits."""
        ...


class Stage(Enum):
    """How far a flight has come."""

    QUEUED = auto()
    CLAIMING = auto()
    RUNNING = auto()
    RECORDING = auto()
    ENDED = auto()


class Flight:
    """One attempt under way. At most one attempt of a key is under way at a time; later ones follow it."""

    __slots__ = (
        "action", "call", "cancelled", "claim", "followers", "hold", "polls", "stage", "started_us", "task",
        "waiters",
    )  # fmt: skip

    def __init__(self, call: Call, action: Action, waiter: Waiter, started_us: int) -> None:
        self.call = call
        self.action = action
        self.waiters = [waiter]
        self.started_us = started_us
        self.stage = Stage.QUEUED
        self.cancelled = False
        self.claim: Claim | None = None
        self.hold = 0
        self.polls = 0
        self.task: asyncio.Task[None] | None = None
        self.followers: list[Flight] = []

    @property
    def is_awaited(self) -> bool:
        """Whether anybody still waits for the answer."""
        return any(waiter.is_open for waiter in self.waiters)
