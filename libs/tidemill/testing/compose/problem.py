"""What can be wrong with a compose file or with what it starts."""


class ComposeError(Exception):
    """The message is one or more lines for people."""
