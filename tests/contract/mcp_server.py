"""An MCP server of the official SDK: a program of its own, or served over HTTP on this machine."""

import asyncio
import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from mcp.server import MCPServer
from mcp.server.mcpserver import Context
from mcp.server.mcpserver.exceptions import ToolError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

PATH = "/mcp"


def make_server() -> MCPServer:
    """A server with a tool for each thing that can become of a call."""
    server = MCPServer("sample", version="2.1")

    @server.tool()
    def add(a: int, b: int) -> int:
        """Add two numbers."""
        return a + b

    @server.tool()
    def fail(text: str) -> str:
        """Fail with a text."""
        raise ToolError(text)

    @server.tool()
    async def sleep(seconds: float) -> str:
        """Take a while."""
        await asyncio.sleep(seconds)
        return "awake"

    @server.tool()
    def repeat(text: str, times: int) -> str:
        """Say it again and again."""
        return text * times

    @server.tool()
    def environment() -> dict[str, str]:
        """Tell all of the environment."""
        return dict(os.environ)

    @server.tool()
    def headers(context: Context) -> dict[str, str]:
        """Tell the headers of the request."""
        return dict(context.headers or {})

    @server.tool()
    def leave_a_child(path: str) -> int:
        """Start a program that would go on for an hour, and tell where its id stands."""
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(3600)"])
        with open(path, "w", encoding="ascii") as file:
            file.write(str(child.pid))
        return child.pid

    @server.tool()
    def die(text: str) -> str:
        """End without an answer."""
        sys.stderr.write(text)
        sys.stderr.flush()
        os._exit(3)

    @server.prompt()
    def greeting(name: str) -> str:
        """Greet somebody."""
        return f"Say hello to {name}."

    @server.resource("note://welcome")
    def welcome() -> str:
        """A text that is always there."""
        return "Welcome."

    @server.resource("note://{name}/card")
    def card(name: str) -> str:
        """A text about somebody."""
        return f"A card of {name}."

    return server


class WebServer:
    """The address of a server, and the requests that it got: method, JSON-RPC method, headers."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.requests: list[tuple[str, dict[str, str]]] = []

    @property
    def methods(self) -> list[str]:
        return [method for method, _ in self.requests]

    def recording(self, application: ASGIApp) -> ASGIApp:
        """The application, with its requests written down."""

        async def record(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] == "http":
                headers = {name.decode(): value.decode() for name, value in scope["headers"]}
                self.requests.append((scope["method"], headers))
            await application(scope, receive, send)

        return record


@contextmanager
def running_mcp_server(*, json_response: bool = False) -> Iterator[WebServer]:
    """A server over HTTP for as long as the block runs."""
    with serving(make_server().streamable_http_app(json_response=json_response)) as web:
        yield web


@contextmanager
def serving(application: Starlette) -> Iterator[WebServer]:
    """An application on a free port for as long as the block runs."""
    listening = socket.create_server(("127.0.0.1", 0))
    port = listening.getsockname()[1]
    web = WebServer(f"http://127.0.0.1:{port}{PATH}")
    server = uvicorn.Server(
        uvicorn.Config(
            web.recording(application),
            http="h11",
            ws="none",
            lifespan="on",
            log_config=None,
            timeout_graceful_shutdown=1,
        )
    )
    thread = threading.Thread(target=lambda: asyncio.run(server.serve([listening])), daemon=True)
    thread.start()
    try:
        while not server.started:
            time.sleep(0.01)
        yield web
    finally:
        server.should_exit = True
        thread.join()
        listening.close()


def make_breaking_server() -> Starlette:
    """A server whose streams break off before they have said anything, and go on where they are asked to."""
    asked: list[int] = []

    async def answer(request: Request) -> Response:
        if request.method == "GET":
            result = {"jsonrpc": "2.0", "id": asked[-1], "result": {"tools": []}}
            return _event(f"id: {request.headers['last-event-id']}-next\ndata: {json.dumps(result)}\n\n")
        message = await request.json()
        if "id" not in message:
            return Response(status_code=202)
        if message["method"] == "initialize":
            agreed = {"protocolVersion": "2025-06-18", "capabilities": {}}
            result = {**agreed, "serverInfo": {"name": "breaking", "version": "1"}}
            return JSONResponse({"jsonrpc": "2.0", "id": message["id"], "result": result})
        asked.append(message["id"])
        return _event("id: first\nretry: 10\ndata: \n\n")

    return Starlette(routes=[Route(PATH, answer, methods=["GET", "POST"])])


def _event(text: str) -> Response:
    return Response(text, media_type="text/event-stream")


if __name__ == "__main__":
    make_server().run("stdio")
