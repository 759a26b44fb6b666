"""JSON pointers (RFC 6901), which name places in documents and are the references of tasks."""


def escape(token: str | int) -> str:
    """Write one step of a pointer: `~` as `~0`, `/` as `~1`."""
    return str(token).replace("~", "~0").replace("/", "~1")


def child(pointer: str, token: str | int) -> str:
    """Point one step further."""
    return f"{pointer}/{escape(token)}"


def task_pointer(scope_pointer: str, index: int, name: str) -> str:
    """The reference of a task in the list at `scope_pointer`: `/do` and 2, `send` give `/do/2/send`."""
    return f"{scope_pointer}/{index}/{escape(name)}"
