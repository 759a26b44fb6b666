"""A fixed piece of work like the engine's, and none of its code: what CPU time is measured with.

Whatever slows the machine down (another test beside this one, an older processor) slows both down alike, so
that their ratio stays. Who changes this work makes every committed baseline worthless.
"""

from dataclasses import dataclass, field, replace
from typing import Final

import orjson
from google.protobuf.struct_pb2 import Struct

RECORDS: Final = 100
VALUES_MAX: Final = 8
TEXT: Final = "x" * 200


@dataclass(slots=True)
class _Record:
    key: str
    total: int = 0
    values: dict[str, float] = field(default_factory=dict)
    parts: list[tuple[int, str]] = field(default_factory=list)


class Calibration:
    """Rounds of the work. The first ones, while records fill, are a little cheaper than the others."""

    def __init__(self) -> None:
        self._records = {number: _Record(f"record-{number}") for number in range(RECORDS)}
        self._rounds = 0

    async def run(self, rounds: int) -> None:
        """So many rounds more."""
        for _ in range(rounds):
            await self._round()

    async def _round(self) -> None:
        """JSON and a message written and read, a record looked up, copied and changed."""
        self._rounds += 1
        record = self._records[self._rounds % RECORDS]
        value = orjson.loads(orjson.dumps({"n": self._rounds, "text": TEXT, "key": record.key}))
        message = Struct()
        message.fields["text"].string_value = value["text"]
        message.fields["n"].number_value = value["n"]
        read = Struct.FromString(message.SerializeToString())
        self._records[self._rounds % RECORDS] = await self._changed(record, read)

    async def _changed(self, record: _Record, read: Struct) -> _Record:
        values = {**record.values, f"v{self._rounds % VALUES_MAX}": read.fields["n"].number_value}
        parts = [*record.parts[1 - VALUES_MAX :], (self._rounds, record.key)]
        total = 0
        for number, key in parts:
            total += number % 7 if key.startswith("record") else len(key)
        return replace(record, total=total, values=values, parts=parts)
