"""A small agent, version 0.3 of the protocol, with what that of the official SDK does not do: it moves, it
leaves its streams open, and lists its tasks."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

Value = dict[str, object]

CARD_PATH = "/.well-known/agent-card.json"
NOT_FOUND = -32001
NO_METHOD = -32601


class RefusedError(Exception):
    """An error of the protocol: its code and its message."""


@dataclass(frozen=True)
class Asked:
    """A request as it came."""

    method: str
    path: str
    headers: dict[str, str]
    body: Value


class Agent:
    """Echoes messages as tasks, each of which it does once: it knows a message again by its id."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.asked: list[Asked] = []
        self.tasks: dict[str, Value] = {}
        self.moved_to = url
        # Without it an agent leaves its streams open after the last event.
        self.closes_streams = True

    def card(self) -> Value:
        return {
            "protocolVersion": "0.3.0",
            "name": "Echo",
            "url": f"{self.moved_to}/rpc",
            "preferredTransport": "JSONRPC",
            "capabilities": {"streaming": True},
        }

    def send(self, params: Value) -> Value:
        message = params["message"]
        assert isinstance(message, dict)
        task_id = f"task-{message['messageId']}"
        artifact = {"artifactId": "a", "parts": message.get("parts", [])}
        self.tasks.setdefault(
            task_id,
            {
                "kind": "task",
                "id": task_id,
                "contextId": "c",
                "status": {"state": "completed"},
                "artifacts": [artifact],
            },
        )
        return self.tasks[task_id]

    def events(self, params: Value) -> Iterator[Value]:
        task = self.send(params)
        yield {**task, "status": {"state": "working"}, "artifacts": []}
        for artifact in task["artifacts"]:  # type: ignore[attr-defined]
            yield {"kind": "artifact-update", "taskId": task["id"], "contextId": "c", "artifact": artifact}
        yield self._status(task)

    @staticmethod
    def _status(task: Value) -> Value:
        return {
            "kind": "status-update",
            "taskId": task["id"],
            "contextId": "c",
            "status": {"state": "completed", "text": "one\u2028line"},
            "final": True,
        }

    def answer(self, method: str, params: Value) -> object:
        """The result. Raises RefusedError."""
        match method.split("/"):
            case ["message", "send"]:
                return self.send(params)
            case ["tasks", "list"]:
                return {"tasks": list(self.tasks.values())}
            case ["tasks", "get"]:
                return self._task(params["id"])
            case ["tasks", "cancel"]:
                return {**self._task(params["id"]), "status": {"state": "canceled"}}
            case ["agent", "getAuthenticatedExtendedCard"]:
                return {**self.card(), "name": "Echo for friends"}
            case _:
                raise RefusedError(NO_METHOD, "Method not found")

    def _task(self, task_id: object) -> Value:
        if str(task_id) not in self.tasks:
            raise RefusedError(NOT_FOUND, "Task not found")
        return self.tasks[str(task_id)]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    agent: Agent

    def do_GET(self) -> None:
        self._note({})
        if self.path != CARD_PATH:
            self.send_error(404)
            return
        self._send(self.agent.card())

    def do_POST(self) -> None:
        request = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self._note(request)
        envelope = {"jsonrpc": "2.0", "id": request["id"]}
        params = request.get("params") or {}
        if request["method"] in ("message/stream", "tasks/resubscribe"):
            self._stream(envelope, params if "message" in params else self._again(params))
            return
        try:
            self._send({**envelope, "result": self.agent.answer(request["method"], params)})
        except RefusedError as error:
            code, message = error.args
            self._send({**envelope, "error": {"code": code, "message": message}})

    @staticmethod
    def _again(params: Value) -> Value:
        return {"message": {"messageId": str(params["id"]).removeprefix("task-")}}

    def _note(self, body: Value) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.agent.asked.append(Asked(self.command, self.path, headers, body))

    def _send(self, value: object) -> None:
        body = json.dumps(value).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _stream(self, envelope: Value, params: Value) -> None:
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        for event in self.agent.events(params):
            text = json.dumps({**envelope, "result": event}, ensure_ascii=False)
            self._chunk(f": a comment\r\nid: 7\r\ndata: {text}\r\n\r\n".encode())
        if not self.agent.closes_streams:
            # Until the client has gone away.
            self.rfile.read(1)
        self._chunk(b"")
        self.close_connection = True

    def _chunk(self, data: bytes) -> None:
        # In two parts, so that events come in pieces.
        for part in (data[:20], data[20:]) if data else (b"",):
            self.wfile.write(b"%x\r\n%b\r\n" % (len(part), part))
            self.wfile.flush()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name it has there
        """Say nothing."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that has gone away is what some tests are about."""


@contextmanager
def running_agent() -> Iterator[Agent]:
    """An agent for as long as the block runs."""

    class Handler(_Handler):
        """The requests of one agent."""

    server = _Server(("127.0.0.1", 0), Handler)
    Handler.agent = Agent(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield Handler.agent
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
