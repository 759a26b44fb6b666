"""What is kept of a run that did not hold: the histories of the lanes that its faults name."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from google.protobuf.json_format import MessageToDict

from tidemill.api.engine.v1.execution_pb2 import Execution
from tidemill.client.client import Client
from tidemill.json import dumps
from tidemill.testing.faults.workload import NAMESPACE

FILE_NAME: Final = "evidence.jsonl"
_LANES_MAX: Final = 20


async def keep_evidence(
    client: Client, faults: Sequence[str], executions: Sequence[Execution], data: Path
) -> None:
    """Write the whole history of each execution of these lanes, one a line."""
    subjects = sorted({one.subject for one in executions})
    named = [one for one in subjects if any(one in fault for fault in faults)][:_LANES_MAX]
    with (data / FILE_NAME).open("wb") as file:
        for execution in executions:
            if execution.subject in named:
                events = await client.executions.history(execution.execution_id, namespace=NAMESPACE)
                history = [MessageToDict(event) for event in events]
                line: dict[str, Any] = {"execution": MessageToDict(execution), "history": history}
                file.write(dumps(line) + b"\n")
