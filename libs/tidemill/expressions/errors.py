"""What can go wrong with an expression: it does not compile, or its evaluation fails."""

from tidemill.json import Json


class ExpressionSyntaxError(Exception):
    """The text is not an expression that we accept: syntax, unknown names, refused builtins."""

    def __init__(self, message: str, position: int = 0) -> None:
        super().__init__(f"{message} (at character {position + 1})")
        self.message = message
        self.position = position


class ExpressionError(Exception):
    """An evaluation failed; `message` says why in one sentence."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class RaisedError(ExpressionError):
    """A jq error, which `try` can catch; `value` is what `catch` then sees."""

    def __init__(self, value: Json, message: str | None = None) -> None:
        super().__init__(message if message is not None else str(value))
        self.value = value


class BudgetExceededError(ExpressionError):
    """The evaluation would cost more than its budget. No `try` catches this."""
