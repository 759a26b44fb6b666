"""The error that an action answers with."""

from typing import Final

ERROR_TYPES: Final = "https://open-workflow-specification.org/spec/1.0.0/errors/"
RUNTIME_ERROR: Final = ERROR_TYPES + "runtime"


class ActionError(Exception):
    """Raised by an action to fail its task with an RFC 7807 problem that the workflow can catch.

    `status` is HTTP-like; `type` is a URI, by default the DSL's standard runtime error.
    """

    def __init__(
        self,
        *,
        status: int = 500,
        title: str = "",
        detail: str = "",
        type: str = RUNTIME_ERROR,  # noqa: A002
    ) -> None:
        super().__init__(detail or title or f"status {status}")
        self.status = status
        self.title = title
        self.detail = detail
        self.type = type
