"""Lanes: the partitioner's hash, ids that route themselves, and derived uuids."""

import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidemill.errors import InvalidRequestError, TooLargeError
from tidemill.lanes import (
    check_identifier,
    derived_uuid,
    execution_id,
    hash_of_execution_id,
    lane_hash,
    lane_of,
    own_lane,
    requested_uuid,
    shard_of,
    subject_lane,
)
from tidemill.murmur2 import murmur2
from tidemill.unique import fresh_request_id, fresh_uuid

NAMES = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=15)


# From the Kafka Java client's own test of its hash.
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("21", -973932308),
        ("foobar", -790332482),
        ("a-little-bit-long-string", -985981536),
        ("a-little-bit-longer-string", -1486304829),
        ("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971),
        ("abc", 479470107),
    ],
)
def test_murmur2_equals_the_java_clients(text: str, expected: int) -> None:
    assert murmur2(text.encode()) == expected


def test_a_lane_is_its_namespace_and_subject() -> None:
    assert subject_lane("acme", "contact-1") == b"acme\0contact-1"
    assert own_lane("acme", "u") == b"acme\0\0u"
    assert lane_of("acme", "", "u") == own_lane("acme", "u")
    assert lane_of("acme", "s", "u") == subject_lane("acme", "s")


@given(NAMES, NAMES, NAMES, NAMES)
def test_lanes_of_different_names_never_meet(a: str, b: str, c: str, d: str) -> None:
    lanes = {subject_lane(a, b), subject_lane(c, d), own_lane(a, b), own_lane(c, d)}
    assert len(lanes) == (2 if (a, b) == (c, d) else 4)


@given(st.binary(max_size=64), st.integers(1, 1024))
def test_a_hash_is_31_bits_and_its_shard_in_range(lane: bytes, shards: int) -> None:
    hashed = lane_hash(lane)
    assert 0 <= hashed < 2**31
    assert 0 <= shard_of(hashed, shards) < shards


@given(st.integers(0, 2**31 - 1))
def test_an_execution_id_carries_its_lanes_hash(hashed: int) -> None:
    assert hash_of_execution_id(execution_id(hashed, fresh_uuid())) == hashed


@pytest.mark.parametrize(
    "text",
    [
        "",
        "00000000",
        "ffffffff-01893b4e-0000-7000-8000-000000000000",
        "0000000g-01893b4e-0000-7000-8000-000000000000",
        "00000000-01893b4e-0000-7000-8000-000000000000\n",
        "00000000-01893b4e-0000-7000-8000-0000000000001",
    ],
)
def test_what_is_no_execution_id_is_refused(text: str) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        hash_of_execution_id(text)
    assert caught.value.metadata == {"field": "execution_id"}


def test_a_derived_uuid_is_a_v5_that_stays_the_same() -> None:
    derived = uuid.UUID(derived_uuid(["start", "acme", "nurture", "contact-1", "request-1"]))
    assert derived.version == 5
    assert derived.variant == uuid.RFC_4122
    # Written down: with another value here, a repeated request would start a second execution.
    assert str(derived) == "2ddff391-111c-5a75-a586-6f8674b69db4"


def test_a_derived_uuid_equals_the_standard_librarys() -> None:
    root = uuid.UUID(hex="5f1dc31e7a0c4a8e9b6d2f4d1a7c9e03")
    # uuid5 takes text, so that only fields of plain characters can be compared.
    assert derived_uuid(["ab", "c"]) == str(uuid.uuid5(root, "\0\0\0\x02ab\0\0\0\x01c"))


def test_a_request_id_with_a_time_gives_a_uuid_that_begins_with_it() -> None:
    about = ("request", "acme", "nurture", "")
    early, late = "t-0190a000-0000-7abc-8def-0123456789ab", "t-0190a000-0001-7abc-8def-0123456789ab"
    made = [uuid.UUID(requested_uuid(about, request_id)) for request_id in (early, late)]
    assert [each.version for each in made] == [8, 8]
    assert [each.variant for each in made] == [uuid.RFC_4122] * 2
    # Written down: with another value here, a repeated request would start a second execution.
    assert str(made[0]) == "0190a000-0000-88f8-9a6d-20fae6cec775"
    assert str(made[1]).startswith("0190a000-0001-8")
    assert uuid.UUID(requested_uuid(("request", "acme", "nurture", "ada"), early)) not in made


@pytest.mark.parametrize(
    "request_id",
    [
        "order-1",
        "0190a000-0000-7abc-8def-0123456789ab",
        "t-0190a000-0000-4abc-8def-0123456789ab",
        "t-0190a000-0000-7abc-8def-0123456789ab0",
        "t-0190A000-0000-7abc-8def-0123456789ab",
    ],
)
def test_any_other_request_id_gives_the_derived_uuid(request_id: str) -> None:
    assert requested_uuid(("request", "acme"), request_id) == derived_uuid(("request", "acme", request_id))


def test_fresh_request_ids_hold_a_time() -> None:
    earlier, later = (requested_uuid((), fresh_request_id()) for _ in range(2))
    assert earlier[:13] <= later[:13]
    assert uuid.UUID(earlier).version == 8


@given(st.lists(NAMES, max_size=4), st.lists(NAMES, max_size=4))
def test_only_equal_fields_derive_equal_uuids(first: list[str], second: list[str]) -> None:
    assert (derived_uuid(first) == derived_uuid(second)) == (first == second)


def test_fresh_uuids_are_v7_and_differ() -> None:
    made = [uuid.UUID(fresh_uuid()) for _ in range(100)]
    assert {one.version for one in made} == {7}
    assert len(set(made)) == 100


@pytest.mark.parametrize(
    ("value", "error"),
    [("a\0b", InvalidRequestError), ("a\ud800", InvalidRequestError), ("ä" * 129, TooLargeError)],
)
def test_an_identifier_that_cannot_be_stored_is_refused(value: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        check_identifier("subject", value)


def test_an_identifier_of_exactly_the_limit_is_taken() -> None:
    check_identifier("subject", "ä" * 128)


def test_a_lane_needs_a_namespace_within_its_limit() -> None:
    with pytest.raises(InvalidRequestError):
        subject_lane("", "s")
    with pytest.raises(TooLargeError) as caught:
        subject_lane("n" * 64, "s")
    assert caught.value.metadata["limit"] == "namespace_bytes_max"
