"""Looks for secrets in all that a stack has written and answers with."""

import base64
import os
import subprocess
import sys
from collections.abc import Mapping

from tests.e2e.running import Report, RunningStack

_WRITTEN = {"engine.log", "actions.log", "engine/state.db", "actions/ledger.db"}


def assert_nowhere(
    values: Mapping[str, str], stack: RunningStack, report: Report, more: Mapping[str, bytes] | None = None
) -> None:
    """None of the values, by their names, stands in the stack's files (logs and traces among them), in what
    is told of the execution, or in what is given as `more`."""
    data = stack.stack.layout.data
    shown = {str(path.relative_to(data)): path.read_bytes() for path in data.rglob("*") if path.is_file()}
    assert shown.keys() >= _WRITTEN
    shown.update(more or {})
    shown["report"] = str(report).encode()
    for command in ("get", "history", "show"):
        shown[command] = _tidemill(stack, command, report.execution_id)
    found = [
        f"{name} in {where}: {text[max(at - 40, 0) : at + 80]!r}"
        for name, value in values.items()
        for form in _forms(value)
        for where, text in shown.items()
        if (at := text.find(form)) >= 0
    ]
    assert not found, "\n".join(found)


def _forms(value: str) -> list[bytes]:
    """As it stands, and what of it stands in base64 wherever it begins there."""
    data = value.encode()
    return [data, *(base64.b64encode(bytes(at) + data)[4:-4] for at in range(3))]


def _tidemill(stack: RunningStack, command: str, execution_id: str) -> bytes:
    arguments = [sys.executable, "-m", "tidemill.cli", command, execution_id]
    environment = {**os.environ, "TIDEMILL_ENGINE": stack.stack.layout.address("engine")}
    done = subprocess.run(arguments, env=environment, capture_output=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout
