"""The actions `kafka.publish` and `kafka.receive` against a real broker, and every way to go wrong."""

import asyncio
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer

from tests.contract.http_calls import KEY, error, kind, output
from tests.contract.kafka_calls import Kafka, Subscription, running_kafka
from tests.waiting import eventually
from tidemill.clock import SystemClock
from tidemill.stack.ports import free_ports
from tidemill.testing.servers import KafkaServer
from tidemill.testing.servers.kafka import PASSWORD, USER

BASIC: dict[str, Any] = {"authentication": {"basic": {"username": USER, "password": PASSWORD}}}


@pytest.fixture
async def kafka(kafka_server: KafkaServer) -> AsyncIterator[Kafka]:
    async with running_kafka(kafka_server) as kafka:
        yield kafka


def filtered(expression: str, **variables: object) -> dict[str, Any]:
    return {"filter": {"expression": expression, "variables": variables, "nowUs": 0}}


async def test_a_record_is_published_with_its_headers_and_the_idempotency_key(kafka: Kafka) -> None:
    topic = await kafka.topic()
    given = {"a": "b", "n": 7, "none": None, "content-type": "application/json"}
    assert output(await kafka.publish(topic, {"id": 1}, headers=given)) == {
        "topic": topic,
        "partition": 0,
        "offset": 0,
    }
    consumer = AIOKafkaConsumer(topic, bootstrap_servers=kafka.server.bootstrap, auto_offset_reset="earliest")
    await consumer.start()
    record = await consumer.getone()
    await consumer.stop()
    assert record.value == b'{"id":1}'
    # The records of one execution are in one partition, in their order.
    assert record.key == b"e"
    assert dict(record.headers) == {
        "idempotency-key": KEY.encode(),
        "a": b"b",
        "n": b"7",
        "content-type": b"application/json",
    }


async def test_a_subscription_begins_with_what_was_sent_since_its_time(kafka: Kafka) -> None:
    topic = await kafka.topic()
    now_ms = SystemClock().now_us() // 1_000
    await kafka.send(topic, 1, at_ms=now_ms - 1)
    subscription = Subscription(kafka, topic, since_us=now_ms * 1_000)
    await kafka.send(topic, 2, at_ms=now_ms)
    assert await subscription.next() == []
    assert subscription.position == {"0": 1}
    await kafka.send(topic, 3)
    assert await subscription.payloads(2) == [2, 3]


async def test_a_beginning_that_was_noted_holds_for_whoever_asks_again(kafka: Kafka) -> None:
    topic = await kafka.topic(2)
    first = Subscription(kafka, topic)
    await first.next()
    await kafka.send(topic, 1)
    await kafka.send(topic, 2, partition=1)
    later = SystemClock().now_us() + 60_000_000
    again = Subscription(kafka, topic, name=first.name, since_us=later)
    await again.next()
    assert again.position == first.position == {"0": 0, "1": 0}
    other = Subscription(kafka, topic, since_us=later)
    await other.next()
    assert other.position == {"0": 1, "1": 1}


async def test_a_call_that_is_made_again_takes_the_same_messages(kafka: Kafka) -> None:
    topic = await kafka.topic()
    subscription = Subscription(kafka, topic)
    await subscription.next()
    await kafka.send(topic, *range(10))
    position = subscription.position
    taken = await subscription.payloads(3, max=3)
    after = subscription.position
    subscription.position = position
    assert await subscription.payloads(3, max=3) == taken == [0, 1, 2]
    assert subscription.position == after == {"0": 3}
    # And whoever knows nothing of what was taken before goes on just the same.
    async with running_kafka(kafka.server) as elsewhere:
        subscription.kafka = elsewhere
        assert await subscription.payloads(7) == [3, 4, 5, 6, 7, 8, 9]


async def test_messages_come_in_the_order_of_their_partition(kafka: Kafka) -> None:
    topic = await kafka.topic(2)
    subscription = Subscription(kafka, topic)
    await subscription.next()
    for number in range(20):
        await kafka.send(topic, number, partition=number % 2)
    found = await subscription.payloads(20)
    assert [number for number in found if number % 2 == 0] == list(range(0, 20, 2))
    assert [number for number in found if number % 2] == list(range(1, 20, 2))


async def test_a_filter_sees_messages_and_variables(kafka: Kafka) -> None:
    topic = await kafka.topic()
    passes = '.correlationId == $context.me and (.payload.n | . > 1) and .headers.a == "b"'
    arguments = {**filtered(passes, context={"me": "7"}), "correlation": "$message.payload#/who/id"}
    subscription = Subscription(kafka, topic, arguments)
    await subscription.next()
    who = {"id": 7}
    # What fails on a message, as comparing with nothing, does not hold for it.
    await kafka.send(topic, {"who": who, "n": 1}, "text", {"who": {"id": 8}, "n": 2}, headers={"a": "b"})
    await kafka.send(topic, {"who": who, "n": 3})
    await kafka.send(topic, {"who": who, "n": 4}, headers={"a": "b"})
    [message] = await subscription.next()
    assert message == {"payload": {"who": who, "n": 4}, "headers": {"a": "b"}, "correlationId": "7"}
    assert subscription.position == {"0": 5}


async def test_a_message_has_the_correlation_id_that_its_document_says(kafka: Kafka) -> None:
    topic = await kafka.topic()
    subscription = Subscription(kafka, topic, {"correlation": "$message.header#/cid"})
    await subscription.next()
    await kafka.send(topic, 1, headers={"cid": "abc"})
    await kafka.send(topic, 2)
    first, second = await subscription.next(max=1), await subscription.next(max=1)
    assert first == [{"payload": 1, "headers": {"cid": "abc"}, "correlationId": "abc"}]
    assert second == [{"payload": 2, "headers": {}}]


async def test_a_batch_has_bounds(kafka_server: KafkaServer) -> None:
    async with running_kafka(kafka_server, batch_messages_max=3, batch_bytes_max=500) as kafka:
        topic = await kafka.topic()
        subscription = Subscription(kafka, topic)
        await subscription.next()
        await kafka.send(topic, *range(4), *["x" * 300] * 3)
        sizes: list[int] = []
        while sum(sizes) < 7:
            sizes.append(len(await subscription.next()))
        assert max(sizes) <= 3
        assert subscription.position == {"0": 7}


async def test_a_call_waits_as_long_as_it_may_and_comes_back_with_nothing(kafka_server: KafkaServer) -> None:
    async with running_kafka(kafka_server, wait_us=200_000) as kafka:
        topic = await kafka.topic()
        subscription = Subscription(kafka, topic)
        await subscription.next()
        await kafka.send(topic, 1)
        # What did not pass is behind it for good.
        while subscription.position != {"0": 1}:
            assert await subscription.next(**filtered(".payload > 1")) == []


async def test_a_call_ends_at_the_time_that_is_said(kafka: Kafka) -> None:
    topic = await kafka.topic()
    subscription = Subscription(kafka, topic)
    await subscription.next()
    assert await subscription.next(untilUs=SystemClock().now_us() + 100_000) == []
    assert await subscription.next(untilUs=1) == []


async def test_payloads_are_what_their_content_type_says(kafka: Kafka) -> None:
    topic = await kafka.topic()
    subscription = Subscription(kafka, topic, {"contentType": "text/plain"})
    await subscription.next()
    await kafka.send(topic, "zwölf".encode())
    await kafka.send(topic, b"\x00\xff", headers={"content-type": "application/octet-stream"})
    await kafka.send(topic, {"a": 1}, headers={"Content-Type": "application/vnd.a+json; charset=utf-8"})
    assert await subscription.payloads(3) == ["zwölf", "AP8=", {"a": 1}]


@pytest.mark.parametrize(
    ("sent", "content_type", "expected", "words"),
    [
        (b'{"a":', "application/json", ("validation", 400), "the message 0 of partition 0"),
        (b"\xff", "text/plain", ("validation", 400), "is no text in UTF-8"),
        (b'"' + b"x" * 30_000 + b'"', "application/json", ("communication", 413), "kafka_message_bytes_max"),
    ],
)
async def test_a_message_that_cannot_be_read_is_told_and_never_passed_over(
    kafka: Kafka, sent: bytes, content_type: str, expected: tuple[str, int], words: str
) -> None:
    topic = await kafka.topic()
    subscription = Subscription(kafka, topic, {"contentType": content_type})
    await subscription.next()
    await kafka.send(topic, sent)
    given = {"contentType": content_type, "position": subscription.position}
    for _ in range(2):
        problem = error(await kafka.receive(topic, subscription.name, **given))
        assert kind(problem) == expected
        assert words in problem.detail


async def test_what_came_before_a_message_that_cannot_be_read_is_brought(kafka: Kafka) -> None:
    topic = await kafka.topic()
    subscription = Subscription(kafka, topic)
    await subscription.next()
    await kafka.send(topic, 1, 2, b"{", 4)
    assert await subscription.payloads(2) == [1, 2]
    problem = error(await kafka.receive(topic, subscription.name, position=subscription.position))
    assert (kind(problem), "the message 2 of" in problem.detail) == (("validation", 400), True)


async def test_messages_that_are_no_longer_kept_are_told(kafka: Kafka) -> None:
    topic = await kafka.topic()
    await kafka.send(topic, 1, 2, 3)
    await kafka.delete(topic, before=2)
    problem = error(await kafka.receive(topic, "s", position={"0": 0}))
    assert kind(problem) == ("communication", 410)


async def test_a_filter_that_asks_for_too_much_is_an_error(kafka: Kafka) -> None:
    topic = await kafka.topic()
    await kafka.send(topic, 1)
    costly = filtered("[range(1e9)] | length > 0")
    problem = error(await kafka.receive(topic, "s", position={"0": 0}, **costly))
    assert kind(problem) == ("expression", 400)


async def test_an_unknown_topic_is_told_and_not_made(kafka: Kafka) -> None:
    for outcome in (await kafka.publish("nowhere", {}), await kafka.receive("nowhere", "s", sinceUs=1)):
        problem = error(outcome)
        assert kind(problem) == ("communication", 404)
        assert "nowhere" in problem.detail


async def test_brokers_that_do_not_answer(kafka: Kafka) -> None:
    [port] = free_ports(1)
    servers = [f"127.0.0.1:{port}"]
    for outcome in (
        await kafka.publish("t", {}, servers=servers),
        await kafka.receive("t", "s", servers=servers, sinceUs=1),
    ):
        assert kind(error(outcome)) == ("communication", 503)


async def test_brokers_that_say_nothing_take_no_longer_than_they_may(kafka_server: KafkaServer) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        servers = [f"127.0.0.1:{silent.getsockname()[1]}"]
        async with running_kafka(kafka_server, connect_timeout_us=200_000) as kafka:
            problem = error(await kafka.publish("t", {}, servers=servers))
            assert kind(problem) in (("timeout", 408), ("communication", 503))


async def test_a_record_that_is_too_large_is_refused(kafka: Kafka) -> None:
    topic = await kafka.topic()
    problem = error(await kafka.publish(topic, {"text": "x" * 30_000}))
    assert kind(problem) == ("communication", 413)
    # Nothing is broken for the calls after it.
    assert output(await kafka.publish(topic, {}))


async def test_a_record_that_the_broker_refuses_is_told(kafka: Kafka) -> None:
    topic = await kafka.topic(settings={"max.message.bytes": "500"})
    problem = error(await kafka.publish(topic, {"text": "x" * 5_000}))
    assert kind(problem) == ("communication", 413)
    assert output(await kafka.publish(topic, {}))


async def test_who_is_calling_is_told_and_checked(kafka: Kafka) -> None:
    topic = await kafka.topic()
    servers = [kafka.server.sasl_bootstrap]
    assert output(await kafka.publish(topic, {"n": 1}, servers=servers, **BASIC))
    subscription = Subscription(kafka, topic, {"servers": servers, **BASIC}, since_us=0)
    await subscription.next()
    assert await subscription.payloads(1) == [{"n": 1}]
    wrong: Any = {"authentication": {"basic": {"username": USER, "password": "wrong-pass-word"}}}
    for outcome in (
        await kafka.publish(topic, {}, servers=servers, **wrong),
        await kafka.receive(topic, "s", servers=servers, sinceUs=1, **wrong),
    ):
        problem = error(outcome)
        assert kind(problem) == ("authentication", 401)
        assert "wrong-pass-word" not in problem.detail
    problem = error(await kafka.publish(topic, {}, servers=servers, **BASIC, mechanism="SCRAM-SHA-512"))
    assert kind(problem) == ("authentication", 401)


async def test_brokers_are_reached_through_tls_and_where_the_setting_says(
    kafka_server: KafkaServer, kafka_certificate: tuple[bytes, bytes], tmp_path: Path
) -> None:
    roots = tmp_path / "roots.pem"
    roots.write_bytes(kafka_certificate[1])
    secure: dict[str, Any] = {"servers": ["broker.example:9093"], "tls": True, **BASIC}
    hosts = f"broker.example:9093={kafka_server.tls_bootstrap}"
    async with running_kafka(kafka_server, hosts=hosts, roots=str(roots)) as kafka:
        topic = await kafka.topic()
        assert output(await kafka.publish(topic, {"n": 1}, **secure))
        subscription = Subscription(kafka, topic, secure, since_us=0)
        await subscription.next()
        assert await subscription.payloads(1) == [{"n": 1}]
    async with running_kafka(kafka_server, hosts=hosts) as kafka:
        # Nobody whom it trusts vouches for this broker.
        assert kind(error(await kafka.publish(topic, {}, **secure))) == ("communication", 503)
    async with running_kafka(kafka_server, hosts=hosts, roots=str(tmp_path / "none.pem")) as kafka:
        problem = error(await kafka.publish(topic, {}, **secure))
        assert (kind(problem), "KAFKA_ROOTS" in problem.detail) == (("configuration", 400), True)


async def test_producers_are_shared_and_bounded(kafka_server: KafkaServer) -> None:
    async with running_kafka(kafka_server, clients_max=1) as kafka:
        topic = await kafka.topic()
        others = [{"servers": [kafka.server.sasl_bootstrap], **BASIC}, {}]
        outcomes = await asyncio.gather(
            *(kafka.publish(topic, {"n": number}, **others[number % 2]) for number in range(20))
        )
        offsets = {output(outcome)["offset"] for outcome in outcomes}  # type: ignore[index]
        assert offsets == set(range(20))
        made = kafka.actions._calls.made
        assert made is not None
        assert len(made.producers) == 1


async def test_consumers_are_kept_for_the_next_call_and_bounded(kafka_server: KafkaServer) -> None:
    async with running_kafka(kafka_server, clients_max=1, wait_us=0) as kafka:
        topic = await kafka.topic()
        for name in ("a", "b"):
            await kafka.receive(topic, name, position={"0": 0})
        made = kafka.actions._calls.made
        assert made is not None
        assert len(made.consumers) == 1
    async with running_kafka(kafka_server, client_idle_us=1_000, wait_us=0) as kafka:
        await kafka.receive(topic, "a", position={"0": 0})
        made = kafka.actions._calls.made
        assert made is not None
        await eventually(lambda: not len(made.consumers))


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({"servers": []}, ("configuration", 400)),
        ({"servers": ["host:port"]}, ("configuration", 400)),
        ({"position": {"0": "x"}}, ("validation", 400)),
        ({"max": -1}, ("validation", 400)),
        ({"filter": {"expression": "1 +", "variables": {}, "nowUs": 0}}, ("validation", 400)),
        ({"authentication": {"bearer": {"token": "t"}}}, ("validation", 400)),
    ],
)
async def test_arguments_that_do_not_fit_are_told(
    kafka: Kafka, arguments: dict[str, Any], expected: tuple[str, int]
) -> None:
    assert kind(error(await kafka.receive("t", "s", **arguments))) == expected
