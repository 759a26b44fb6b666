"""The parts of the log in Kafka that need no broker: URL, settings of a topic, batches, what is followed."""

import asyncio

import pytest
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.record.memory_records import MemoryRecords

from tidemill.engine.log.kafka.address import parse_address
from tidemill.engine.log.kafka.batches import CODECS, Batch, BatchForm, Call, Lane, Moment, split
from tidemill.engine.log.kafka.cluster import RETRY_US, RETRY_US_MAX, error_of, retry_delay_us
from tidemill.engine.log.kafka.follow import Follow
from tidemill.engine.log.kafka.reader import Session
from tidemill.engine.log.kafka.topic import weaknesses
from tidemill.errors import InvalidRequestError
from tidemill.storage import StorageUnavailableError

NOW = Moment(1_000, 1_700_000_000_000)
FORM = BatchForm(CODECS["lz4"], 10_000)
REPLICATED = {
    "cleanup.policy": "delete",
    "flush.messages": "9223372036854775807",
    "max.message.bytes": "5000000",
    "min.insync.replicas": "2",
    "retention.bytes": "-1",
    "retention.ms": "-1",
    "unclean.leader.election.enable": "false",
}


def test_a_url_names_brokers_topic_and_credentials() -> None:
    address = parse_address(
        "kafka://us%40er:pass%3Aword@one:1,two,three:3/commands?security_protocol=SASL_PLAINTEXT"
        "&sasl_mechanism=SCRAM-SHA-512"
    )
    assert address.servers == ("one:1", "two:9092", "three:3")
    assert (address.topic, address.user, address.password) == ("commands", "us@er", "pass:word")
    assert address.connection() == {
        "bootstrap_servers": ["one:1", "two:9092", "three:3"],
        "security_protocol": "SASL_PLAINTEXT",
        "sasl_mechanism": "SCRAM-SHA-512",
        "sasl_plain_username": "us@er",
        "sasl_plain_password": "pass:word",
    }
    assert address.text == "one:1,two:9092,three:3/commands"


def test_tls_is_a_context_of_its_own() -> None:
    plain = parse_address("kafka://one:1/commands")
    assert "ssl_context" not in plain.connection()
    assert parse_address("kafka://one:1/commands?security_protocol=SSL").connection()["ssl_context"]


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://one:1/commands",
        "kafka://one:1",
        "kafka://one:1/",
        "kafka:///commands",
        "kafka://one:1/commands/more",
        "kafka://one:port/commands",
        "kafka://one:1/commands?retries=3",
        "kafka://one:1/commands?security_protocol=TLS",
        "kafka://one:1/commands?security_protocol=SASL_SSL&sasl_mechanism=GSSAPI",
    ],
)
def test_a_url_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(InvalidRequestError):
        parse_address(url)


def test_a_file_of_certificates_that_is_not_there_is_refused() -> None:
    address = parse_address("kafka://one:1/commands?security_protocol=SSL&ca_file=/nowhere/ca.pem")
    with pytest.raises(InvalidRequestError, match=r"ca_file /nowhere/ca\.pem"):
        address.connection()


def test_replicas_in_sync_make_a_topic_durable() -> None:
    assert weaknesses(REPLICATED, 3, 1_000) == []
    assert weaknesses({**REPLICATED, "min.insync.replicas": "1"}, 3, 1_000) == [
        "min.insync.replicas is 1, and must be at least 2"
    ]
    assert weaknesses({**REPLICATED, "unclean.leader.election.enable": "true"}, 3, 1_000) == [
        "unclean.leader.election.enable must be false"
    ]
    # One replica alone is durable by its disk.
    assert weaknesses(REPLICATED, 1, 1_000) == [
        "flush.messages is 9223372036854775807, and a single replica needs 1"
    ]
    assert weaknesses({**REPLICATED, "flush.messages": "1", "min.insync.replicas": "1"}, 1, 1_000) == []


def test_delays_grow_up_to_their_limit() -> None:
    assert [retry_delay_us(failures) for failures in (1, 2, 3)] == [RETRY_US, 2 * RETRY_US, 4 * RETRY_US]
    assert retry_delay_us(10_000) == RETRY_US_MAX


def test_a_broker_s_error_says_whether_it_passes() -> None:
    assert error_of(0) is None
    leader, order, unknown = error_of(6), error_of(45), error_of(12_345)
    assert leader is not None
    assert leader.is_passing
    assert order is not None
    assert not order.is_passing
    assert unknown is not None
    assert not unknown.is_passing


class Waiting:
    """Callers of one lane."""

    def __init__(self) -> None:
        self.lane = Lane(0, producer_id=7)
        self.calls: list[Call] = []

    def append(self, *data: bytes, deadline_us: int = 2_000) -> Call:
        answer: asyncio.Future[list[int]] = asyncio.get_running_loop().create_future()
        call = Call(deadline_us, [-1] * len(data), len(data), answer)
        self.lane.parts.append(split(call, [(0, each) for each in data])[0])
        self.calls.append(call)
        return call

    def cut(self, form: BatchForm = FORM, now: Moment = NOW) -> Batch:
        batch = self.lane.cut(form, now)
        assert batch is not None
        return batch


def decoded(batch: Batch) -> list[bytes]:
    found = MemoryRecords(batch.encoded).next_batch()
    assert found.validate_crc()
    return [record.value for record in found]


async def test_callers_that_wait_together_share_a_batch() -> None:
    waiting = Waiting()
    one, two = waiting.append(b"a", b"b"), waiting.append(b"c")
    batch = waiting.cut()
    assert decoded(batch) == batch.records() == [b"a", b"b", b"c"]
    batch.deliver(40)
    assert await one.answer == [40, 41]
    assert await two.answer == [42]
    waiting.lane.written()
    assert (waiting.lane.epoch, waiting.lane.sequence, waiting.lane.batch) == (0, 3, None)
    assert waiting.lane.cut(FORM, NOW) is None


async def test_a_long_call_is_cut_and_answered_after_its_last_part() -> None:
    waiting = Waiting()
    call = waiting.append(*[b"%d" % number * 900 for number in range(6)])
    after = waiting.append(b"after" * 200)
    form = BatchForm(CODECS["none"], 2_000)
    sizes = []
    for turn in range(3):
        batch = waiting.cut(form)
        sizes.append(batch.count)
        batch.deliver(turn * 10)
        waiting.lane.written()
        assert call.answer.done() == (turn == 2)
    assert sizes == [2, 2, 2]
    assert await call.answer == [0, 1, 10, 11, 20, 21]
    assert decoded(waiting.cut(form)) == [b"after" * 200]
    assert not after.answer.done()


async def test_after_a_batch_that_was_lost_nothing_more_of_its_calls_is_sent() -> None:
    waiting = Waiting()
    form = BatchForm(CODECS["none"], 2_000)
    call = waiting.append(*[b"x" * 900] * 4)
    other = waiting.append(b"other")
    batch = waiting.cut(form)
    batch.fail(StorageUnavailableError("command log", "gone"))
    waiting.lane.lost()
    assert (waiting.lane.epoch, waiting.lane.sequence) == (1, 0)
    assert decoded(waiting.cut(form)) == [b"other"]
    with pytest.raises(StorageUnavailableError):
        await call.answer
    assert not other.answer.done()


async def test_callers_who_are_gone_or_late_are_left_out() -> None:
    waiting = Waiting()
    waiting.append(b"gone").answer.cancel()
    late = waiting.append(b"late", deadline_us=NOW.monotonic_us)
    waiting.append(b"here")
    waiting.append(b"gone too").answer.cancel()
    waiting.append(b"here too")
    assert decoded(waiting.cut()) == [b"here", b"here too"]
    with pytest.raises(StorageUnavailableError, match="does not keep up"):
        await late.answer


async def test_sequences_begin_anew_after_the_highest() -> None:
    waiting = Waiting()
    waiting.lane.sequence = 2**31 - 2
    waiting.append(b"a", b"b", b"c")
    waiting.cut()
    waiting.lane.written()
    assert waiting.lane.sequence == 1


def encoded(first_offset: int, *data: bytes, control: bool = False) -> bytes:
    """A batch as a broker has it."""
    builder = DefaultRecordBatchBuilder(2, CODECS["none"], 0, 7, 0, 0, 10_000)
    for index, each in enumerate(data):
        builder.append(index, 1_700_000_000_000, b"\x00\x00\x00\x01" if control else None, each, [])
    batch = bytearray(builder.build())
    batch[0:8] = first_offset.to_bytes(8, "big")
    if control:
        batch[22] |= 0x20
    return bytes(batch)


def test_what_is_there_already_is_not_taken_again() -> None:
    follow = Follow(0, 5, 5)
    assert follow.add_own(5, [b"five", b"six"])
    assert not follow.add_own(9, [b"nine"])
    assert not follow.add_fetched(encoded(4, b"four", b"five", b"six"))
    assert follow.add_fetched(encoded(4, b"four", b"five", b"six") + encoded(7, b"seven"))
    assert [(record.offset, record.data) for record in follow.read(10)] == [
        (5, b"five"),
        (6, b"six"),
        (7, b"seven"),
    ]
    assert (follow.position, follow.next, follow.buffered_bytes) == (8, 8, 0)


def test_offsets_that_kafka_took_for_itself_are_passed_over() -> None:
    follow = Follow(0, 0, 0)
    control = bytearray(encoded(1, b"\x00\x00\x00\x00\x00\x00", control=True))
    follow.add_fetched(encoded(0, b"a"))
    # The checksum covers the flag that was set.
    from aiokafka.record.util import calc_crc32c

    control[17:21] = calc_crc32c(bytes(control[21:])).to_bytes(4, "big")
    assert follow.add_fetched(bytes(control))
    assert follow.next == 2
    follow.add_fetched(encoded(2, b"b"))
    assert [record.offset for record in follow.read(10)] == [0, 2]
    assert follow.position == 3


def test_a_damaged_batch_is_noticed_and_a_cut_one_left_for_the_next_fetch() -> None:
    follow = Follow(0, 0, 0)
    whole = encoded(0, b"a", b"b")
    assert not follow.add_fetched(whole[:-1])
    damaged = bytearray(whole)
    damaged[-3] ^= 1
    with pytest.raises(ValueError, match="damaged"):
        follow.add_fetched(bytes(damaged))
    assert follow.next == 0


def test_what_was_found_is_raised_after_what_came_before_it() -> None:
    follow = Follow(0, 0, 0)
    follow.add(0, b"a")
    follow.failure = StorageUnavailableError("command log", "damaged")
    assert [record.data for record in follow.read(10)] == [b"a"]
    with pytest.raises(StorageUnavailableError):
        follow.read(10)


def test_a_session_remembers_what_the_broker_was_told() -> None:
    session = Session()
    session.next(9, {0: 5, 1: 6}, [])
    session.next(9, {1: 8}, [0])
    assert (session.id, session.epoch, session.told) == (9, 2, {1: 8})
    session.epoch = 2**31 - 1
    session.next(9, {}, [])
    assert session.epoch == 1
    session.next(0, {2: 2}, [])
    assert (session.id, session.epoch, session.told) == (0, 0, {})
