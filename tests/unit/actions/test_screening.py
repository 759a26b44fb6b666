"""What is refused before the ledger is asked."""

import pytest

from tests.unit.actions.samples import NOW_US, call
from tidemill.actions.core.screening import Epochs, is_late, refusal


def test_a_good_call_passes() -> None:
    assert refusal(call(), Epochs(), NOW_US) is None


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"key": ""}, "key"),
        ({"key": "k" * 256}, "255"),
        ({"key": "schlüssel"}, "ASCII"),
        ({"attempt": 0}, "attempt"),
        ({"namespace": ""}, "namespace"),
        ({"dispatch_before_us": NOW_US - 1}, "dispatch_before"),
    ],
)
def test_a_bad_call_is_refused_for_what_is_wrong(changes: dict[str, object], word: str) -> None:
    assert word in (refusal(call(**changes), Epochs(), NOW_US) or "")  # type: ignore[arg-type]


def test_the_time_limit_of_dispatch_is_inclusive_and_zero_means_none() -> None:
    assert not is_late(call(dispatch_before_us=NOW_US), NOW_US)
    assert is_late(call(dispatch_before_us=NOW_US - 1), NOW_US)
    assert not is_late(call(dispatch_before_us=0), NOW_US)


def test_an_epoch_below_the_highest_of_its_shard_is_refused() -> None:
    epochs = Epochs()
    assert epochs.admits(1, 5)
    assert epochs.admits(1, 5)
    assert epochs.admits(1, 7)
    assert not epochs.admits(1, 6)
    assert epochs.admits(2, 1)


def test_a_refused_call_does_not_raise_the_epoch() -> None:
    epochs = Epochs()
    assert refusal(call(epoch=9, attempt=0), epochs, NOW_US) is not None
    assert refusal(call(epoch=1), epochs, NOW_US) is None
