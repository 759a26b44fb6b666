"""Typed errors: every reason has its code, and nothing is lost on the way through a batch's answer."""

import pytest
from google.rpc import code_pb2

from tidemill.api.errors.v1 import error_reason_pb2 as reasons
from tidemill.api.errors.v1.error_reason_pb2 import ErrorReason
from tidemill.api.errors.v1.item_error_pb2 import ItemError
from tidemill.errors import (
    CODE_OF_REASON,
    OverloadedError,
    TidemillError,
    duration_of_us,
    from_item_error,
    reason_name,
    reason_of_name,
    to_item_error,
    us_of_duration,
)


def test_every_reason_of_the_contract_has_a_code() -> None:
    assert set(CODE_OF_REASON) == set(ErrorReason.values())


@pytest.mark.parametrize("reason", ErrorReason.values())
def test_reasons_and_names_are_one_to_one(reason: ErrorReason.ValueType) -> None:
    assert reason_of_name(reason_name(reason)) == reason


def test_a_reason_of_a_newer_release_is_unspecified_but_keeps_its_number() -> None:
    assert reason_of_name("NOT_YET_KNOWN") == reasons.ERROR_REASON_UNSPECIFIED
    unknown = ItemError(reason=999).reason  # type: ignore[arg-type]  # what a newer server may send
    assert reason_name(unknown) == "REASON_999"
    assert TidemillError(unknown, "?").code == code_pb2.UNKNOWN


def test_an_item_error_carries_the_whole_error() -> None:
    error = OverloadedError("inbox_commands_max", limit_value=10, retry_delay_us=2_500_000)
    item = to_item_error(error)
    back = from_item_error(item)
    assert item.code == code_pb2.RESOURCE_EXHAUSTED
    assert (back.reason, back.message, back.metadata) == (error.reason, error.message, error.metadata)
    assert back.retry_delay_us == 2_500_000


def test_an_item_error_without_delay_has_none() -> None:
    item = to_item_error(TidemillError(reasons.ERROR_REASON_NOT_FOUND, "gone"))
    assert not item.HasField("retry_delay")
    assert from_item_error(item).retry_delay_us is None


@pytest.mark.parametrize("duration_us", [0, 1, 999_999, 1_000_000, 86_400_000_001])
def test_durations_keep_their_microseconds(duration_us: int) -> None:
    assert us_of_duration(duration_of_us(duration_us)) == duration_us
