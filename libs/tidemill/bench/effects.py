"""How many effects the Action service has made, by its own metrics."""

import asyncio
import urllib.request
from collections.abc import Iterable
from typing import Final

from tidemill.telemetry.names import ACTIONS_CALLS, ACTIONS_RECORD_ANSWERS

_TIMEOUT_SECONDS: Final = 10.0


async def effects_made(metrics_urls: Iterable[str]) -> int:
    """How many calls have run since the processes with these metrics pages started. Raises OSError."""
    return sum([effects_of(await asyncio.to_thread(read_page, url)) for url in metrics_urls])


def effects_of(page: str) -> int:
    """The calls that were answered less those that the ledger answered, out of a metrics page."""
    return counter_sum(page, ACTIONS_CALLS.name) - counter_sum(page, ACTIONS_RECORD_ANSWERS.name)


def counter_sum(page: str, counter: str) -> int:
    """The sum of a counter over its labels, out of a page in Prometheus' text format."""
    lines = [line for line in page.splitlines() if line.startswith((f"{counter} ", counter + "{"))]
    return round(sum(float(line.rpartition(" ")[2]) for line in lines))


def read_page(url: str) -> str:
    """A metrics page of this machine, with no proxy in between; raises OSError."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(url, timeout=_TIMEOUT_SECONDS) as answer:
        text: str = answer.read().decode()
    return text
