"""An HTTP receiver of lifecycle events that answers as told and remembers what it took."""

import threading
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from tests.e2e.web import Answer, Request, serving

Event = dict[str, Any]
Rule = Callable[[list[Event]], int]


class Receiver:
    """`rule` gives the status of each request from its events; those of a 2xx are taken."""

    def __init__(self, rule: Rule = lambda _: 200) -> None:
        self.rule = rule
        self.requests: list[Request] = []
        self.taken: list[Event] = []
        self.refused = 0
        self._lock = threading.Lock()

    def __call__(self, request: Request) -> Answer:
        with self._lock:
            self.requests.append(request)
            status = self.rule(request.body)
            if 200 <= status < 300:
                self.taken.extend(request.body)
            else:
                self.refused += 1
            return Answer(status, {})

    def by_execution(self) -> dict[str, list[str]]:
        """For each execution the ids of its events, each where it came first."""
        with self._lock:
            return by_execution(self.taken)

    @property
    def repeats(self) -> int:
        """How many events came that had come before."""
        return sum(count - 1 for count in Counter(event["id"] for event in self.taken).values())


def by_execution(events: list[Event]) -> dict[str, list[str]]:
    """For each execution the ids of its events, each where it came first."""
    found: dict[str, dict[str, None]] = defaultdict(dict)
    for event in events:
        found[event["subject"]].setdefault(event["id"])
    return {execution_id: list(ids) for execution_id, ids in found.items()}


@contextmanager
def receiving(receiver: Receiver) -> Iterator[str]:
    """Serve it; gives the URL."""
    with serving(receiver) as base:
        yield f"{base}/lifecycle"
