"""What is refused before the ledger is asked: calls malformed, too late, or from a deposed owner."""

from typing import Final

from tidemill.actions.core.model import Call

KEY_BYTES_MAX: Final = 255


class Epochs:
    """The highest epoch seen of each shard."""

    def __init__(self) -> None:
        self._highest: dict[int, int] = {}

    def admits(self, shard: int, epoch: int) -> bool:
        """Whether the epoch is the shard's latest; a higher one than ever before is from now on."""
        highest = self._highest.get(shard)
        if highest is None or epoch > highest:
            self._highest[shard] = epoch
            return True
        return epoch == highest


def refusal(call: Call, epochs: Epochs, now_us: int) -> str | None:
    """Why the call is refused; None when it is not."""
    if not call.key or len(call.key) > KEY_BYTES_MAX or not call.key.isascii():
        return f"the key is empty, over {KEY_BYTES_MAX} bytes, or not ASCII"
    if call.attempt < 1 or not call.namespace:
        return "the attempt is below 1 or the namespace is empty"
    if is_late(call, now_us):
        return "dispatch_before has passed"
    if not epochs.admits(call.shard, call.epoch):
        return f"epoch {call.epoch} of shard {call.shard} is out of date"
    return None


def is_late(call: Call, now_us: int) -> bool:
    """Whether the call came after the time until which its sender vouches for it."""
    return 0 < call.dispatch_before_us < now_us
