"""The names under which the outside knows a task's effects and timers."""

import hashlib
from typing import Final
from urllib.parse import quote

KEY_BYTES_MAX: Final = 255
# What may stand in an HTTP header and is no percent sign; "/", ":" and "#" keep their meaning for readers.
_PLAIN: Final = "/:#.-_~!$&'()*+,;=@"


def idempotency_key(execution_id: str, reference: str, activations: str) -> str:
    """The key of every attempt of one activation: `{execution id}:{reference}#{activations}`.

    Percent-encoded ASCII of at most 255 bytes; a longer one is replaced by its SHA-256 in hex.
    """
    key = f"{execution_id}:{reference}#{activations}"
    if not (key.isascii() and key.isprintable()) or " " in key or "%" in key:
        key = quote(key, safe=_PLAIN)
    if len(key) > KEY_BYTES_MAX:
        return hashlib.sha256(key.encode()).hexdigest()
    return key


def subscription_name(task: str, retries: int, index: int) -> str:
    """The id of a wait for the events of a filter; `task` is `{reference}#{activations}/{attempt}`.

    What an operator's retry opens again must not answer to events for the old one.
    """
    return f"{task}{_again(retries)}:{index}"


def stop_name(retries: int, index: int) -> str:
    """The id of the wait for the events of a filter of `stopOn`."""
    return f"{_again(retries)}:stop:{index}"


def _again(retries: int) -> str:
    return f"+{retries}" if retries else ""
