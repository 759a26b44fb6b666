"""What can be wrong with a document, said with a JSON pointer and one plain sentence."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from tidemill.api.errors.v1 import error_reason_pb2 as reasons
from tidemill.errors import TidemillError

Severity = Literal["error", "warning"]


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong at one place; only errors keep a document from being published."""

    pointer: str
    message: str
    severity: Severity = "error"

    def __str__(self) -> str:
        return f"{self.pointer or '(document)'}: {self.message}"


class DocumentError(TidemillError):
    """A document that cannot be read or published, with every problem that was found."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        message = "\n".join(map(str, self.problems))
        first = self.problems[0].pointer if self.problems else ""
        metadata = {"problems": str(len(self.problems)), "pointer": first}
        super().__init__(reasons.ERROR_REASON_INVALID_DOCUMENT, message, metadata)


def refusal(message: str, pointer: str = "") -> DocumentError:
    """The error for one problem."""
    return DocumentError([Problem(pointer, message)])
