"""What a failed command says and with which code it exits."""

from typing import Final

import typer

FAILED: Final = 1
USAGE: Final = 2
UNREACHABLE: Final = 3
TIMED_OUT: Final = 4
INTERRUPTED: Final = 130


class CommandError(Exception):
    """A command cannot go on. The message is one line for people."""

    def __init__(self, message: str, *, exit_code: int = FAILED) -> None:
        super().__init__(message)
        self.exit_code = exit_code


def describe(error: Exception) -> tuple[str, int]:
    """One line about the error, and the exit code."""
    match error:
        case CommandError():
            return _one_line(str(error)), error.exit_code
        case typer.TyperException():
            return _one_line(_usage_message(error)), USAGE
        case OSError() if error.strerror:
            where = f"{error.filename}: " if error.filename else ""
            return f"{where}{error.strerror}", FAILED
        case _:
            return _describe_service_error(error)


def _usage_message(error: typer.TyperException) -> str:
    format_message = getattr(error, "format_message", None)
    return str(format_message() if format_message is not None else error)


def _describe_service_error(error: Exception) -> tuple[str, int]:
    # Imported late: most commands never get here, and both bring protobuf and gRPC along.
    from tidemill.client.calls import UnreachableError
    from tidemill.errors import TidemillError
    from tidemill.stack.stack import StackError

    match error:
        case UnreachableError():
            hint = "start the services with `tidemill dev`, or name another address in TIDEMILL_ENGINE"
            return f"{error.message}: is it running? {hint}", UNREACHABLE
        case TidemillError():
            return f"{_one_line(error.message)} ({error.reason_name})", FAILED
        case StackError():
            return _one_line(str(error)), FAILED
        case _:
            return f"this is a bug in tidemill: {type(error).__name__}: {_one_line(str(error))}", FAILED


def _one_line(text: str) -> str:
    return " ".join(text.split())
