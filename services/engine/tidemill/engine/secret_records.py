"""Secrets of a request as messages: where they belong."""

from collections.abc import Iterable

from tidemill.api.events.v1 import secret_pb2 as records
from tidemill.engine.core.secrets import SecretPath, SecretUse


def write_secret(use: SecretUse) -> records.SecretUse:
    """The message of a use."""
    record = records.SecretUse(pointer=use.pointer)
    for part in use.parts:
        if isinstance(part, str):
            record.parts.add(text=part)
        else:
            record.parts.add().secret.MergeFrom(records.SecretPath(name=part.name, keys=part.keys))
    return record


def read_secrets(found: Iterable[records.SecretUse]) -> tuple[SecretUse, ...]:
    """The uses in the messages."""
    return tuple(SecretUse(use.pointer, tuple(map(_part, use.parts))) for use in found)


def _part(record: records.SecretPart) -> str | SecretPath:
    if record.WhichOneof("kind") == "secret":
        return SecretPath(record.secret.name, tuple(record.secret.keys))
    return record.text
