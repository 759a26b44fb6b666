"""The stack of the tests about secrets, with everybody who is called."""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.contract.mcp_server import WebServer, running_mcp_server
from tests.e2e.conftest import sample_settings
from tests.e2e.documents import NAMESPACE
from tests.e2e.greeter import greeter
from tests.e2e.running import RunningStack
from tests.e2e.secrets.calls import AUTHENTICATIONS, CALLS, secret_names
from tests.e2e.secrets.outside import ASK, HOSTS, Outside
from tests.e2e.web import serving
from tidemill.json import Json, dumps
from tidemill.stack.ports import free_ports

# Beside those of the calls.
OTHERS = ("refused",)
# What a secret is that is no text: its members, or what a call takes as a whole.
_WHOLE: dict[str, Json] = {
    "basicWhole": {"username": "", "password": ""},
    "digestWhole": {"username": "", "password": ""},
    "bearerWhole": {"token": ""},
    "oauthWhole": {
        "authority": f"https://{ASK}",
        "grant": "password",
        "username": "",
        "password": "",
        "client": {"id": "", "secret": ""},
    },
    "oidcWhole": {
        "authority": f"https://{ASK}",
        "grant": "password",
        "username": "",
        "password": "",
        "client": {"id": "", "secret": ""},
    },
    "headers": {"x-whole": ""},
    "queries": {"whole": ""},
    "content": {"deep": [""]},
    "mcpParameters": {"name": "repeat", "arguments": {"text": "", "times": 1}},
    "agentParameters": {
        "message": {"kind": "message", "role": "user", "parts": [{"kind": "text", "text": ""}]}
    },
}
# What travels in headers, where not all characters may.
_PLAIN = {
    *("header", "headers", "mcpHeader", "apiHeader", "digestUser", "digestPassword", "digestWhole"),
    *("token", "bearerWhole", "apiToken", "grpcToken", "mcpToken", "agentToken", "cardToken"),
    *("toldHeader", "toldToken"),
}
# Every value begins and ends with it: it stands nowhere by chance, and is written in one way everywhere.
MARK = "s3cretqzxwjk"


@dataclass(frozen=True)
class Secrets:
    """The secrets as the service has them, by name, and every value in them."""

    texts: dict[str, str]
    values: dict[str, str]


def _filled(shape: Json, name: str, values: dict[str, str]) -> Json:
    """The shape with a value of its own in the place of each empty text, which goes into `values`."""
    match shape:
        case "":
            # One for each place, so that a leak says where it came from.
            odd = "-" if name.partition(".")[0] in _PLAIN else ' "ä" &=+% '
            values[name] = f"{MARK}{len(values):04d}{odd}{len(values):04d}{MARK}"
            return values[name]
        case dict():
            return {key: _filled(item, f"{name}.{key}", values) for key, item in shape.items()}
        case list():
            return [_filled(item, name, values) for item in shape]
        case _:
            return shape


def _secrets(python: Path) -> Secrets:
    values: dict[str, str] = {}
    texts: dict[str, str] = {}
    for name in (*secret_names(CALLS, AUTHENTICATIONS), *OTHERS):
        value = _filled(_WHOLE.get(name, ""), name, values)
        texts[name] = value if isinstance(value, str) else dumps(value).decode()
    # It has to be a program.
    texts["mcpCommand"] = values["mcpCommand"] = str(python)
    return Secrets(texts, values)


@pytest.fixture(scope="module")
def secrets(tmp_path_factory: pytest.TempPathFactory) -> Secrets:
    python = tmp_path_factory.mktemp("programs") / f"{MARK}-program-{MARK}"
    python.write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    python.chmod(0o700)
    return _secrets(python)


@pytest.fixture(scope="module")
def outside(secrets: Secrets) -> Outside:
    names = (("digestUser", "digestPassword"), ("digestWhole.username", "digestWhole.password"))
    return Outside({secrets.values[user]: secrets.values[password] for user, password in names})


@pytest.fixture(scope="module")
def mcp() -> Iterator[WebServer]:
    with running_mcp_server() as server:
        yield server


@pytest.fixture(scope="module")
def metrics_ports() -> list[int]:
    return free_ports(3)


@pytest.fixture(scope="module")
def stack(
    tmp_path_factory: pytest.TempPathFactory, secrets: Secrets, outside: Outside, metrics_ports: list[int]
) -> Iterator[RunningStack]:
    folder = tmp_path_factory.mktemp("secrets") / NAMESPACE
    folder.mkdir()
    texts = dict(secrets.texts)
    (folder / "file").write_text(texts.pop("file") + "\n")
    ports = dict(zip(("ENGINE", "TRIGGERS", "ACTIONS"), metrics_ports, strict=True))
    files = tmp_path_factory.mktemp("files")
    with serving(outside.answer) as base, greeter(files) as port:
        hosts = ",".join(f"{host}={base}" for host in HOSTS)
        with RunningStack(
            tmp_path_factory.mktemp("stack"),
            TIDEMILL_ACTIONS_HTTP_HOSTS=hosts,
            TIDEMILL_ENGINE_FETCH_HOSTS=hosts,
            TIDEMILL_ENGINE_FETCH_FOLDER=str(files),
            TIDEMILL_ACTIONS_GRPC_HOSTS=f"localhost:5011=grpc://127.0.0.1:{port}",
            TIDEMILL_ACTIONS_MCP_STDIO="true",
            TIDEMILL_ACTIONS_SECRETS=str(folder.parent),
            OTEL_TRACES_EXPORTER="console",
            OTEL_BSP_SCHEDULE_DELAY="100",
            **{f"TIDEMILL_{service}_METRICS_PORT": str(port) for service, port in ports.items()},
            **{f"TIDEMILL_SECRET.{NAMESPACE}.{name}": text for name, text in texts.items()},
            **sample_settings(),
        ) as running:
            yield running
