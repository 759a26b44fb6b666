"""The workflow in an application of its own, as DBOS is used: `app.py DATABASE_URL PAYLOAD_BYTES`.

It answers `alone N` with the milliseconds of each execution, and `load N` with the seconds of all.
"""

import json
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

from dbos import DBOS, DBOSConfig

STEPS = 5
# As a web server's pool of threads calls workflows.
CALLERS = 50


@DBOS.step()
def noop(payload: dict[str, str]) -> dict[str, str]:
    """Do nothing; the outcome is committed before the next step begins."""
    return {}


@DBOS.workflow()
def bench(payload: dict[str, str]) -> None:
    """Five steps, one after the other."""
    for _ in range(STEPS):
        noop(payload)


def alone(count: int, payload: dict[str, str]) -> Iterator[float]:
    """Run executions one by one."""
    for _ in range(count):
        begun = time.perf_counter()
        bench(payload)
        yield (time.perf_counter() - begun) * 1000


def load(count: int, payload: dict[str, str]) -> float:
    """Run executions at once, as many as there are callers."""
    begun = time.perf_counter()
    with ThreadPoolExecutor(CALLERS) as callers:
        for called in [callers.submit(bench, payload) for _ in range(count)]:
            called.result()
    return time.perf_counter() - begun


def main() -> None:
    """Answer until the input ends."""
    url, payload_bytes = sys.argv[1:]
    DBOS(config=DBOSConfig(name="bench", system_database_url=url, log_level="WARNING"))
    DBOS.launch()
    payload = {"payload": "x" * int(payload_bytes)}
    print("ready", flush=True)
    for line in sys.stdin:
        question, count = line.split()
        answer = load(int(count), payload) if question == "load" else list(alone(int(count), payload))
        print(json.dumps(answer), flush=True)
    DBOS.destroy()


if __name__ == "__main__":
    main()
