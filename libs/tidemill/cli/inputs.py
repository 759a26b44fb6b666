"""What people hand to commands: files, JSON texts, names."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tidemill.cli.failures import USAGE, CommandError

_WORKFLOW_NAME: Final = re.compile(r"([^/:\s]+)/([^/:\s]+)(?::([^/:\s]+))?")


@dataclass(frozen=True, slots=True)
class WorkflowName:
    """`NS/NAME[:VERSION]`; the version is empty for the latest."""

    namespace: str
    name: str
    version: str


def workflow_name(text: str) -> WorkflowName:
    """Take `NS/NAME[:VERSION]` apart; raises CommandError."""
    match = _WORKFLOW_NAME.fullmatch(text)
    if match is None:
        raise CommandError(f"{text!r} is not NS/NAME or NS/NAME:VERSION", exit_code=USAGE)
    return WorkflowName(match[1], match[2], match[3] or "")


def read_file(path: str) -> bytes:
    """The content of a file; raises CommandError for one that cannot be read."""
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise CommandError(f"{path}: {error.strerror}", exit_code=USAGE) from None


def json_bytes(option: str, text: str) -> bytes:
    """JSON given on the command line, or in a file after "@"; raises CommandError unless it is JSON."""
    from tidemill.json import JsonError, loads

    data = read_file(text[1:]) if text.startswith("@") else text.encode("utf-8", "surrogateescape")
    try:
        loads(data, field=option)
    except JsonError as error:
        raise CommandError(f"not JSON: {error.message}", exit_code=USAGE) from None
    return data
