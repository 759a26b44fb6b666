"""The action `grpc` against a real server: what goes out and comes back, and every way to go wrong."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from grpc_reflection.v1alpha.reflection_pb2 import ServerReflectionResponse

from tests.contract.grpc_calls import Ask, asking
from tests.contract.grpc_server import PROTO, Stock, running_bytes, running_stock
from tests.contract.hasty_server import running_hasty
from tests.contract.http_calls import KEY, error, kind, output
from tidemill.clock import ManualClock

pytestmark = pytest.mark.usefixtures("loaded_certificates")


@pytest.fixture
async def stock() -> AsyncIterator[Stock]:
    async with running_stock() as stock:
        yield stock


@pytest.fixture
async def ask() -> AsyncIterator[Ask]:
    async with asking() as ask:
        yield ask


def described(*files: tuple[str, list[str]]) -> bytes:
    """An answer of reflection: files by their names, each with what it imports."""
    answer = ServerReflectionResponse()
    for name, imported in files:
        file = FileDescriptorProto(name=name, dependency=imported)
        answer.file_descriptor_response.file_descriptor_proto.append(file.SerializeToString())
    return answer.SerializeToString()


def item(value: object) -> dict[str, Any]:
    assert isinstance(value, dict)
    return value


async def test_a_message_goes_out_and_one_comes_back(ask: Ask, stock: Stock) -> None:
    arguments = {"sku": "a", "count": 9007199254740993, "kind": "KIND_BOOK", "raw": "AAE="}
    answer = item(output(await ask(stock.port, **arguments, at="2026-01-02T03:04:05Z")))
    heard = answer.pop("heard")
    # Of 64 bits: as text, so that nothing of it is lost.
    assert answer == {**arguments, "count": "9007199254740993", "at": "2026-01-02T03:04:05Z"}
    assert heard["idempotency-key"] == KEY
    assert "authorization" not in heard
    [(method, request)] = stock.asked
    assert (method, request.count) == ("Look", 9007199254740993)


async def test_what_has_its_usual_value_is_left_out(ask: Ask, stock: Stock) -> None:
    assert output(await ask(stock.port, "Watch", count=2)) == [{}, {"count": "1"}]


async def test_a_stream_is_collected(ask: Ask, stock: Stock) -> None:
    answer = output(await ask(stock.port, "Watch", sku="a", count="3"))
    assert answer == [{"sku": "a"}, {"sku": "a", "count": "1"}, {"sku": "a", "count": "2"}]


async def test_an_empty_stream_is_an_empty_array(ask: Ask, stock: Stock) -> None:
    assert output(await ask(stock.port, "Watch")) == []


async def test_reflection_describes_the_server(ask: Ask, stock: Stock) -> None:
    answer = item(output(await ask(stock.port, proto=None, sku="a", at="2026-01-02T03:04:05Z")))
    assert (answer["sku"], answer["at"]) == ("a", "2026-01-02T03:04:05Z")
    asked = stock.reflections
    assert asked
    await ask(stock.port, proto=None)
    assert stock.reflections == asked


async def test_a_server_without_reflection_says_so(ask: Ask) -> None:
    async with running_stock(with_reflection=False) as stock:
        problem = error(await ask(stock.port, proto=None))
        assert kind(problem) == ("configuration", 400)
        assert "offers no reflection" in problem.detail


async def test_a_server_that_does_not_know_the_service_says_so(ask: Ask, stock: Stock) -> None:
    problem = error(await ask(stock.port, proto=None, service="shop.v1.Other"))
    assert kind(problem) == ("configuration", 400)
    assert "does not know it" in problem.detail


@pytest.mark.parametrize("method", ["Fill", "Talk"])
async def test_who_wants_a_stream_of_messages_is_not_called(ask: Ask, stock: Stock, method: str) -> None:
    problem = error(await ask(stock.port, method))
    assert kind(problem) == ("configuration", 400)
    assert "takes a stream of messages" in problem.detail
    assert stock.asked == []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"nowhere": 1}, 'no field named "nowhere"'),
        ({"count": "many"}, "count"),
        ({"count": 2**63}, "count"),
        ({"letters": 1.5}, "letters"),
        ({"kind": "KIND_PAPER"}, "kind"),
        ({"at": "soon"}, "at"),
        ({"at": []}, "LookRequest"),
    ],
)
async def test_arguments_that_do_not_fit_are_not_sent(
    ask: Ask, stock: Stock, arguments: dict[str, object], words: str
) -> None:
    problem = error(await ask(stock.port, **arguments))
    assert kind(problem) == ("validation", 400)
    assert words in problem.detail
    assert stock.asked == []


async def test_an_unknown_method_names_those_that_are_there(ask: Ask, stock: Stock) -> None:
    problem = error(await ask(stock.port, "Find"))
    assert kind(problem) == ("configuration", 400)
    assert problem.detail == "shop.v1.Stock has no method Find; it has Look, Watch, Fill, Talk"


async def test_a_method_that_the_server_does_not_have_is_not_implemented(ask: Ask, stock: Stock) -> None:
    proto = PROTO.replace("rpc Look", "rpc Find(LookRequest) returns (Item);\n  rpc Look")
    problem = error(await ask(stock.port, "Find", proto=proto))
    assert kind(problem) == ("communication", 501)


async def test_nobody_there_is_a_communication_error(ask: Ask) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        problem = error(await ask(unused.getsockname()[1]))
    assert kind(problem) == ("communication", 503)
    assert problem.detail.startswith("shop.v1.Stock/Look at 127.0.0.1:")


async def test_the_time_of_the_task_is_the_deadline_of_the_call(ask: Ask, stock: Stock) -> None:
    began = time.monotonic()
    problem = error(await ask(stock.port, sku="slow", timeout_us=400_000))
    assert kind(problem) == ("timeout", 408)
    assert time.monotonic() - began < 5
    assert stock.left_seconds[0] < 0.5


async def test_without_a_time_of_the_task_the_usual_one_is_the_deadline(ask: Ask, stock: Stock) -> None:
    await ask(stock.port)
    assert 15 < stock.left_seconds[0] <= 20


async def test_who_is_cancelled_tells_the_server(ask: Ask, stock: Stock) -> None:
    asked = asyncio.create_task(ask(stock.port, sku="slow"))
    await stock.came.wait()
    asked.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asked
    await stock.cancelled.wait()


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("CANCELLED", ("communication", 499)),
        ("UNKNOWN", ("communication", 500)),
        ("INVALID_ARGUMENT", ("communication", 400)),
        ("DEADLINE_EXCEEDED", ("timeout", 408)),
        ("NOT_FOUND", ("communication", 404)),
        ("ALREADY_EXISTS", ("communication", 409)),
        ("PERMISSION_DENIED", ("authorization", 403)),
        ("UNAUTHENTICATED", ("authentication", 401)),
        ("RESOURCE_EXHAUSTED", ("communication", 429)),
        ("FAILED_PRECONDITION", ("communication", 400)),
        ("ABORTED", ("communication", 409)),
        ("OUT_OF_RANGE", ("communication", 400)),
        ("UNIMPLEMENTED", ("communication", 501)),
        ("INTERNAL", ("communication", 500)),
        ("UNAVAILABLE", ("communication", 503)),
        ("DATA_LOSS", ("communication", 500)),
    ],
)
async def test_each_status_has_its_error(
    ask: Ask, stock: Stock, code: str, expected: tuple[str, int]
) -> None:
    problem = error(await ask(stock.port, sku=f"fail:{code}:it is  so"))
    assert kind(problem) == expected
    assert problem.detail == f"shop.v1.Stock/Look at 127.0.0.1:{stock.port}: {code}: it is so"
    # What was sent may have had its effect: nothing is sent twice.
    assert len(stock.asked) == 1


async def test_the_words_of_a_server_are_cut(ask: Ask, stock: Stock) -> None:
    problem = error(await ask(stock.port, sku="fail:ABORTED:" + "secret " * 1_000))
    assert 600 < len(problem.detail) <= 636
    # Never in the middle of a word, which may be a secret.
    assert problem.detail.endswith("secret ...")


async def test_an_answer_that_is_no_message_is_a_communication_error(ask: Ask) -> None:
    async with running_bytes(b"\x0a\xff") as port:
        problem = error(await ask(port))
    assert kind(problem) == ("communication", 502)
    assert "no shop.v1.Item" in problem.detail


async def test_an_answer_with_a_time_that_is_none_is_a_communication_error(ask: Ask) -> None:
    # The seconds of `at` are far beyond the year 9999.
    async with running_bytes(b"\x1a\x0a\x08\xff\xff\xff\xff\xff\xff\xff\xff\x7f") as port:
        problem = error(await ask(port))
    assert kind(problem) == ("communication", 502)
    assert "cannot be written as JSON" in problem.detail


async def test_what_is_no_grpc_server_is_a_communication_error(ask: Ask) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nno")
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        problem = error(await ask(server.sockets[0].getsockname()[1]))
    assert kind(problem) == ("communication", 503)


async def test_a_huge_answer_is_refused(ask: Ask, stock: Stock) -> None:
    problem = error(await ask(stock.port, letters=20_000))
    assert kind(problem) == ("communication", 502)
    assert "over grpc_response_bytes_max, 10000" in problem.detail


async def test_an_answer_that_grows_in_json_is_refused(ask: Ask) -> None:
    # Each is a byte on the wire, and ten letters in JSON.
    async with running_bytes(b"\x42\xd0\x0f" + b"\x01" * 2_000) as port:
        problem = error(await ask(port))
    assert kind(problem) == ("communication", 502)
    assert "in JSON is over grpc_response_bytes_max, 10000" in problem.detail


@pytest.mark.parametrize(
    ("count", "letters", "limit"),
    [(21, 0, "grpc_messages_max, 20"), (5, 3_000, "grpc_response_bytes_max, 10000")],
)
async def test_a_stream_over_a_limit_is_left(
    ask: Ask, stock: Stock, count: int, letters: int, limit: str
) -> None:
    problem = error(await ask(stock.port, "Watch", count=count, letters=letters))
    assert kind(problem) == ("communication", 502)
    assert limit in problem.detail


async def test_reflection_that_is_refused_before_all_is_sent_is_not_there(ask: Ask) -> None:
    async with running_hasty(grpc.StatusCode.UNIMPLEMENTED.value[0]) as port:
        problem = error(await ask(port, proto=None))
    assert kind(problem) == ("configuration", 400)
    assert problem.detail == "the server offers no reflection: name a .proto file"


async def test_a_server_is_told_when_nobody_listens_any_more(ask: Ask, stock: Stock) -> None:
    problem = error(await ask(stock.port, "Watch", count=2**60))
    assert kind(problem) == ("communication", 502)
    await stock.cancelled.wait()


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (b"\x0a\xff", "gives what is no descriptor"),
        (ServerReflectionResponse().SerializeToString(), "does not tell what it was asked"),
        (described(("a.proto", ["b.proto"]), ("b.proto", ["a.proto"])), "import each other"),
        (described(("a.proto", ["c.proto"])), "does not tell what it was asked"),
        (described(("a.proto", [])), "there is no service shop.v1.Stock"),
    ],
)
async def test_a_server_that_tells_nonsense_of_itself_is_not_called(
    ask: Ask, answer: bytes, words: str
) -> None:
    async with running_bytes(b"", reflection_answer=answer) as port:
        problem = error(await ask(port, proto=None))
    assert words in problem.detail


async def test_a_stream_at_its_limit_is_good(ask: Ask, stock: Stock) -> None:
    answer = output(await ask(stock.port, "Watch", count=20))
    assert isinstance(answer, list)
    assert len(answer) == 20


async def test_a_stream_that_breaks_off_is_an_error(ask: Ask, stock: Stock) -> None:
    problem = error(await ask(stock.port, "Watch", sku="fail:", count=2))
    assert kind(problem) == ("communication", 409)
    assert "it breaks off" in problem.detail


@pytest.mark.parametrize(
    ("proto", "words"),
    [
        ("synt", 'service.proto:1:1: Expected top-level statement (e.g. "message").'),
        ('syntax = "proto3";\nimport "other.proto";', "can import those of google/protobuf/ alone"),
        ('syntax = "proto3";\nimport "../stock.proto";', "can import those of google/protobuf/ alone"),
        ('syntax = "proto3";\nimport "/etc/passwd";', "can import those of google/protobuf/ alone"),
        ('syntax = "proto3";\nmessage A { B b = 1; }', 'service.proto:2:13: "B" is not defined.'),
        ('syntax = "proto3";', "there is no service shop.v1.Stock; there is none"),
        ("//" + "x" * 20_000, "over grpc_proto_bytes_max, 20000"),
    ],
)
async def test_a_proto_file_that_does_not_fit_says_why(ask: Ask, proto: str, words: str) -> None:
    problem = error(await ask(1, proto=proto))
    assert kind(problem) == ("configuration", 400)
    assert words in problem.detail
    assert "/tmp" not in problem.detail


async def test_a_proto_file_that_takes_too_long_is_given_up(stock: Stock) -> None:
    async with asking(compile_timeout_us=1_000) as ask:
        problem = error(await ask(stock.port))
    assert kind(problem) == ("configuration", 400)
    assert "grpc_compile_timeout_us" in problem.detail


async def test_a_proto_file_is_compiled_once(ask: Ask, stock: Stock, monkeypatch: pytest.MonkeyPatch) -> None:
    started = []
    original = asyncio.create_subprocess_exec

    async def counted(*arguments: str, **options: int) -> asyncio.subprocess.Process:
        started.append(arguments)
        return await original(*arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(asyncio, "create_subprocess_exec", counted)
    await asyncio.gather(*(ask(stock.port) for _ in range(3)))
    await ask(stock.port, "Watch")
    assert len(started) == 1
    assert len(stock.asked) == 4


async def test_a_proto_file_that_does_not_compile_is_compiled_once(
    ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = error(await ask(1, proto="synt"))

    async def refused(*_arguments: str, **_options: int) -> asyncio.subprocess.Process:
        raise AssertionError

    monkeypatch.setattr(asyncio, "create_subprocess_exec", refused)
    assert error(await ask(1, proto="synt")) == first


async def test_what_a_server_told_of_itself_is_asked_for_again_after_a_while(stock: Stock) -> None:
    clock = ManualClock()
    async with asking(clock) as ask:
        await ask(stock.port, proto=None)
        asked = stock.reflections
        await clock.advance_us(60_000_001)
        await ask(stock.port, proto=None)
    assert stock.reflections == 2 * asked


async def test_too_much_told_of_itself_is_refused(stock: Stock) -> None:
    async with asking(reflection_bytes_max=100) as ask:
        problem = error(await ask(stock.port, proto=None))
    assert kind(problem) == ("communication", 502)
    assert "grpc_reflection_bytes_max, 100" in problem.detail


@pytest.mark.parametrize(
    ("host", "port"), [("unix", 0), ("a/b", 1), ("[::1]", 1), ("a:1", 1), ("", 1), ("a", 65536), ("a", True)]
)
async def test_a_place_that_is_none_is_not_called(ask: Ask, host: str, port: int) -> None:
    assert kind(error(await ask(port, host=host))) == ("configuration", 400)


async def test_a_connection_that_nobody_uses_is_closed(stock: Stock) -> None:
    ended = asyncio.Event()

    async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        from_server, to_server = await asyncio.open_connection("127.0.0.1", stock.port)
        back = asyncio.create_task(copy(from_server, writer))
        await copy(reader, to_server)
        await back
        ended.set()

    server = await asyncio.start_server(relay, "127.0.0.1", 0)
    # The shortest that gRPC knows is a second.
    async with server, asking(channel_idle_us=1_000_000) as ask:
        port = server.sockets[0].getsockname()[1]
        output(await ask(port))
        assert not ended.is_set()
        await asyncio.wait_for(ended.wait(), 20)
        output(await ask(port))


async def copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65_536):
        writer.write(data)
    writer.close()


async def test_channels_are_shared_and_bounded(stock: Stock) -> None:
    async with running_stock() as other, running_stock() as third, asking(channels_max=2) as ask:
        for server in (stock, other, third, stock):
            output(await ask(server.port))
        # Nobody gives up a channel that is in use: the third waits for one.
        slow = [asyncio.create_task(ask(server.port, sku="slow")) for server in (stock, other)]
        for server in (stock, other):
            await server.came.wait()
        waiting = asyncio.create_task(ask(third.port, sku="waited"))
        await asyncio.sleep(0.1)
        assert [request.sku for _, request in third.asked] == [""]
        slow[0].cancel()
        assert item(output(await waiting))["sku"] == "waited"
        slow[1].cancel()
        await asyncio.gather(*slow, return_exceptions=True)
