"""Where gRPC servers are, and whether through TLS."""

import pytest

from tidemill.actions.adapters.grpc_calls.hosts import Target, parse_hosts, target_of
from tidemill.errors import InvalidRequestError


@pytest.mark.parametrize(
    ("host", "port", "target"),
    [
        ("a.test", 443, Target("a.test:443", secure=True)),
        ("a.test", 8443, Target("a.test:8443", secure=False)),
        ("b.test", 8443, Target("c.test:1", secure=True)),
        ("b.test", 443, Target("b.test:443", secure=True)),
        ("d.test", 443, Target("127.0.0.1:5011", secure=False)),
        ("d.test", 7, Target("127.0.0.1:5011", secure=False)),
    ],
)
def test_a_setting_says_where_a_host_is_and_how(host: str, port: int, target: Target) -> None:
    hosts = parse_hosts("B.test:8443=grpcs://c.test:1, d.test=grpc://127.0.0.1:5011,")
    assert target_of(host, port, hosts) == target


@pytest.mark.parametrize(
    "text",
    ["a", "=grpc://a:1", "a=http://a:1", "a=grpc://a", "a=grpc://:1", "a=grpc://a:x", "a=grpc://a:99999"],
)
def test_what_is_no_such_row_is_refused(text: str) -> None:
    with pytest.raises(InvalidRequestError, match="is not of the form host:port=grpc://host:port"):
        parse_hosts(text)
