"""The report of a soak, as a page."""

import os
import platform
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from tidemill.testing.faults.run import Outcome
from tidemill.testing.faults.table import rows

_HOLDS: Final = "Nothing lost, nothing doubled, nothing out of order."
_PAGE: Final = """\
# The last soak

Written by `make soak`: real processes, a real Kafka broker and a real Postgres, everything doubled and lanes
mixed, and meanwhile every fault that the harness knows. The same seed deals the same load and the same faults
in the same order; when exactly each strikes depends on the machine.

{day}, {cores} cores, Python {python}: {engines} engines, {actions} action and {triggers} triggers processes,
{shards} shards. **{result}**

| figure | value |
| --- | ---: |
{table}

What `tidemill check` said of histories, log and ledger:

```
{check}
```
"""


def write_report(outcome: Outcome, path: Path) -> None:
    """Write the page."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(page(outcome))


def page(outcome: Outcome) -> str:
    """The page as text."""
    size = outcome.plan.size
    return _PAGE.format(
        day=datetime.now(UTC).date().isoformat(),
        cores=os.cpu_count(),
        python=platform.python_version(),
        engines=size.engines,
        actions=size.actions,
        triggers=size.triggers,
        shards=outcome.plan.shards,
        result=_HOLDS if outcome.holds else "It does not hold.",
        table="\n".join(f"| {name} | {value} |" for name, value in rows(outcome)),
        check=outcome.check.text.strip(),
    )
