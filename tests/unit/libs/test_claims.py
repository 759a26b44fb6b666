"""Claims in the places of large texts: found in every message, put back exactly, and never taken for JSON."""

from collections.abc import Iterator
from hashlib import sha256
from typing import Any

import pytest
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from tidemill.api.actions.v1.action_service_pb2 import ActionCall, ActionResult
from tidemill.api.events.v1.command_pb2 import Command
from tidemill.api.events.v1.history_pb2 import HistoryBatch
from tidemill.api.events.v1.payload_pb2 import Payload
from tidemill.api.events.v1.snapshot_pb2 import Snapshot
from tidemill.blobs.claim_check import OFFLOAD_BYTES_MIN, ClaimCheck
from tidemill.blobs.claims import (
    CLAIM_BYTES_MAX,
    Claim,
    claims_of,
    may_hold_claims,
    put_back,
    read_claim,
    size_of,
    take_out,
)
from tidemill.blobs.memory import MemoryBlobs
from tidemill.blobs.port import Blob, BlobError, BlobMissingError, BlobName
from tidemill.blobs.texts import texts_of
from tidemill.json import JsonError, loads

RECORDS = (HistoryBatch, Command, Snapshot, ActionCall, ActionResult)
EXECUTION_ID = "00000001-00000000-0000-7000-8000-000000000001"
LARGE = b'"' + b"x" * 1_000 + b'"'
# Payloads that are read while a history is folded; and bytes that are no texts, or none that may be large.
LEFT_ALONE = {"event", "correlations", "expected"}
NO_TEXTS = {"lane", "key", "shape", "input_digest", "expected", "data"}


def fields_below(descriptor: Any, seen: frozenset[str] = frozenset()) -> Iterator[Any]:  # noqa: ANN401
    """Every field of a message and of those in it."""
    if descriptor.full_name in seen:
        return
    for field in descriptor.fields:
        yield field
        if field.message_type is not None:
            yield from fields_below(field.message_type, seen | {descriptor.full_name})


def filled(descriptor_of: type[Message], depth: int = 6) -> Message:
    """A message with a large text in every payload, one of each alternative."""
    message = descriptor_of()
    _fill(message, depth)
    return message


def _fill(message: Message, depth: int) -> None:
    for field in message.DESCRIPTOR.fields:
        if field.message_type is None or depth == 0 or field.message_type.GetOptions().map_entry:
            continue
        alternatives = field.containing_oneof
        if alternatives is not None and message.WhichOneof(alternatives.name) is not None:
            continue
        held = getattr(message, field.name)
        inner = held.add() if field.is_repeated else held
        if not field.is_repeated:
            inner.SetInParent()
        if isinstance(inner, Payload):
            inner.data = LARGE
        else:
            _fill(inner, depth - 1)


@pytest.mark.parametrize("kind", RECORDS, ids=lambda kind: kind.__name__)
def test_every_payload_of_a_record_is_found_but_for_those_of_events(kind: type[Message]) -> None:
    payloads = {
        field.name
        for field in fields_below(kind.DESCRIPTOR)
        if field.message_type is not None and field.message_type.full_name == Payload.DESCRIPTOR.full_name
    }
    assert payloads
    for field in fields_below(kind.DESCRIPTOR):
        if field.message_type is None or field.message_type.full_name != Payload.DESCRIPTOR.full_name:
            continue
        holder = _class_of(field)()
        getattr(holder, field.name).data = LARGE
        assert [text for text, _ in texts_of(holder)] == ([] if field.name in LEFT_ALONE else [LARGE]), field


def _class_of(field: Any) -> type[Message]:  # noqa: ANN401
    found: type[Message] = field.containing_type._concrete_class
    return found


@pytest.mark.parametrize("kind", RECORDS, ids=lambda kind: kind.__name__)
def test_all_other_bytes_of_a_record_are_known_to_be_small(kind: type[Message]) -> None:
    for field in fields_below(kind.DESCRIPTOR):
        if field.type == FieldDescriptor.TYPE_BYTES:
            holder = field.containing_type.full_name.rpartition(".")[2]
            assert field.name in NO_TEXTS or (holder, field.name) == ("Snapshot", "values"), field.full_name


@pytest.mark.parametrize("kind", RECORDS, ids=lambda kind: kind.__name__)
def test_what_is_taken_out_comes_back_exactly(kind: type[Message]) -> None:
    message = filled(kind)
    before = message.SerializeToString()
    blobs: dict[BlobName, Blob] = {}
    assert take_out(message, EXECUTION_ID, blobs, bytes_max=100)
    digest = sha256(LARGE).hexdigest()
    assert blobs == {BlobName(EXECUTION_ID, digest): Blob(BlobName(EXECUTION_ID, digest), LARGE)}
    assert set(claims_of(message)) == {Claim(digest, len(LARGE))}
    taken = message.SerializeToString()
    assert may_hold_claims(taken)
    assert len(taken) < len(before)
    assert not take_out(message, EXECUTION_ID, blobs, bytes_max=CLAIM_BYTES_MAX)
    count = sum(1 for _ in texts_of(message))
    contents = {name: blob.data for name, blob in blobs.items()}
    assert put_back(message, EXECUTION_ID, contents) == count * len(LARGE)
    assert message.SerializeToString() == before


def test_the_values_of_a_snapshot_are_taken_out_one_by_one() -> None:
    snapshot = Snapshot(values=[b"{}", LARGE, b"1"])
    blobs: dict[BlobName, Blob] = {}
    take_out(snapshot, EXECUTION_ID, blobs, bytes_max=100)
    assert [size_of(text) for text in snapshot.values] == [2, len(LARGE), 1]
    assert [read_claim(text) is None for text in snapshot.values] == [True, False, True]
    put_back(snapshot, EXECUTION_ID, {name: blob.data for name, blob in blobs.items()})
    assert list(snapshot.values) == [b"{}", LARGE, b"1"]


def test_a_claim_is_no_json_and_no_json_is_a_claim() -> None:
    claim = Claim("0" * 64, 2**63).encode()
    assert len(claim) <= CLAIM_BYTES_MAX
    with pytest.raises(JsonError):
        loads(claim)
    assert read_claim(claim) == Claim("0" * 64, 2**63)
    for path in (b"../" * 21 + b"x", b"0" * 63, b"A" * 64):
        assert read_claim(b"\0blob:sha256:" + path + b":1") is None
    for text in (b"", b"null", b'"blob:sha256:0:1"', b'"\\u0000blob:sha256:0:1"'):
        assert read_claim(text) is None
        assert size_of(text) == len(text)


def test_what_is_lost_is_told_and_the_rest_is_as_it_was() -> None:
    message = ActionCall(arguments=Payload(data=LARGE))
    take_out(message, EXECUTION_ID, {}, bytes_max=100)
    before = message.SerializeToString()
    name = BlobName(EXECUTION_ID, sha256(LARGE).hexdigest())
    with pytest.raises(BlobError, match="is missing"):
        put_back(message, EXECUTION_ID, {name: BlobMissingError(name)})
    assert message.SerializeToString() == before


async def test_texts_are_left_and_fetched_under_their_executions() -> None:
    check = ClaimCheck(MemoryBlobs(), bytes_max=100)
    other = EXECUTION_ID.replace("00000001", "00000002")
    huge = b'"' + b"y" * OFFLOAD_BYTES_MIN + b'"'
    left = await check.leave_texts(
        [(EXECUTION_ID, LARGE), (other, LARGE), (EXECUTION_ID, b"1"), (other, huge)]
    )
    assert left[0] == left[1]
    assert left[2] == b"1"
    assert await check.store.page("", 10) == [EXECUTION_ID, other]
    assert await check.fetch_text(left[0], EXECUTION_ID) == LARGE
    assert await check.fetch_text(left[3], other) == huge
    assert await check.fetch_text(b"1", other) == b"1"
    with pytest.raises(BlobMissingError):
        await check.fetch_text(left[3], EXECUTION_ID)
