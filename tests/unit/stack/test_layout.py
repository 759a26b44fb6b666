"""Where the services of a stack are, and how they are told."""

from pathlib import Path

from tidemill.stack.layout import Layout, Ports
from tidemill.stack.ports import free_ports, is_free

LAYOUT = Layout(data=Path("/d"), ports=Ports.from_base(7400), settings={"TIDEMILL_ENGINE_SHARDS": "2"})


def test_four_ports_stand_in_a_row_behind_the_base() -> None:
    assert LAYOUT.ports.all() == (7400, 7401, 7402, 7403)
    assert [LAYOUT.address(name) for name in ("engine", "triggers", "actions")] == [
        "127.0.0.1:7400",
        "127.0.0.1:7401",
        "127.0.0.1:7402",
    ]
    assert LAYOUT.events_url == "http://127.0.0.1:7403"


def test_each_service_is_told_where_it_is_and_where_the_others_are() -> None:
    environment = LAYOUT.environment({"PATH": "/bin", "TIDEMILL_ENGINE_LISTEN": "elsewhere:1"})
    assert environment == {
        "PATH": "/bin",
        "TIDEMILL_ENGINE_LISTEN": "127.0.0.1:7400",
        "TIDEMILL_ENGINE_DATA": "/d/engine",
        "TIDEMILL_ENGINE_ACTIONS": "127.0.0.1:7402",
        "TIDEMILL_ACTIONS_LISTEN": "127.0.0.1:7402",
        "TIDEMILL_ACTIONS_DATA": "/d/actions",
        "TIDEMILL_ACTIONS_TRIGGERS": "127.0.0.1:7401",
        "TIDEMILL_TRIGGERS_LISTEN": "127.0.0.1:7401",
        "TIDEMILL_TRIGGERS_HTTP_LISTEN": "127.0.0.1:7403",
        "TIDEMILL_TRIGGERS_ENGINE": "127.0.0.1:7400",
        "TIDEMILL_ENGINE_SHARDS": "2",
    }


def test_free_ports_are_different_and_free() -> None:
    ports = free_ports(4)
    assert len(set(ports)) == 4
    assert all(is_free(port) for port in ports)
