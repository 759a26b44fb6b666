"""`python -m tidemill.testing.faults`: a fault run of any size. `make soak` is a long one."""

import argparse
import asyncio
import random
import shutil
import sys
import tempfile
import time
from pathlib import Path

from tidemill.testing.faults.report import write_report
from tidemill.testing.faults.run import Plan, fault_run
from tidemill.testing.faults.table import rows


def main() -> int:
    """Run, print, and write the report when asked to; the exit code is 0 when everything holds."""
    arguments = _arguments()
    seed = arguments.seed if arguments.seed is not None else random.SystemRandom().randrange(1_000_000)
    plan = Plan(
        executions=arguments.executions,
        seed=seed,
        seconds=arguments.seconds,
        rounds=arguments.rounds,
        drain_seconds_max=arguments.drain_seconds,
        honours_keys=not arguments.deaf_provider,
    )
    data = Path(tempfile.mkdtemp(prefix="tidemill-faults-"))
    begun = time.monotonic()

    def say(line: str) -> None:
        sys.stdout.write(f"{time.monotonic() - begun:7.1f} s  {line}\n")
        sys.stdout.flush()

    say(f"seed {seed}")
    outcome = asyncio.run(fault_run(plan, data, say))
    sys.stdout.write("\n".join(f"{name:<45} {value:>12}" for name, value in rows(outcome)) + "\n")
    sys.stdout.write(outcome.check.text)
    for fault in outcome.verdict.faults[:20]:
        sys.stdout.write(f"{fault}\n")
    if arguments.report is not None:
        write_report(outcome, arguments.report)
    if outcome.holds:
        shutil.rmtree(data)
    else:
        sys.stdout.write(f"the logs of all processes are in {data}\n")
    return 0 if outcome.holds else 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tidemill.testing.faults", description=__doc__)
    parser.add_argument("--executions", type=int, default=2_000)
    parser.add_argument("--seconds", type=float, default=60.0, help="over which the load is spread")
    parser.add_argument("--rounds", type=int, default=1, help="how often all faults come at least; 0: none")
    parser.add_argument("--seed", type=int, help="drawn unless given")
    parser.add_argument("--drain-seconds", type=float, default=120.0, help="the longest wait for the end")
    parser.add_argument("--deaf-provider", action="store_true", help="one that ignores keys: must fail")
    parser.add_argument("--report", type=Path, help="a Markdown file to write")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
