"""Settings come out of the environment, and each has its unit in its name or says what it is."""

import dataclasses
from pathlib import Path

import pytest

from tidemill.actions.settings import Settings, load
from tidemill.errors import InvalidRequestError

UNITS = ("_max", "_us", "_us_max", "_default")
PLAIN = {
    *("listen", "data", "triggers", "ledger_url", "metrics_host", "metrics_port", "modules", "secrets"),
    "blobs",
    *("http_hosts", "grpc_hosts", "grpc_roots", "kafka_hosts", "kafka_roots", "mcp_stdio"),
    *("processes", "process_effect_class", "process_folder", "process_path", "process_language"),
    *("process_shell", "process_python", "process_node", "process_containers"),
    *("process_container_options", "process_container_volumes"),
}


def test_the_environment_is_read() -> None:
    settings = load(
        {
            "TIDEMILL_ACTIONS_LISTEN": "127.0.0.1:0",
            "TIDEMILL_ACTIONS_DATA": "here",
            "TIDEMILL_ACTIONS_THREADS_MAX": "3",
            "TIDEMILL_ENGINE_SHARDS": "9",
        }
    )
    assert (settings.listen, settings.data, settings.threads_max) == ("127.0.0.1:0", Path("here"), 3)


@pytest.mark.parametrize("variable", ["TIDEMILL_ACTIONS_THREADS_MAX", "TIDEMILL_ACTIONS_THREAD_MAX"])
def test_a_wrong_value_and_a_wrong_name_are_refused(variable: str) -> None:
    with pytest.raises(InvalidRequestError, match=variable):
        load({variable: "many"})


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("TIDEMILL_ACTIONS_TRIGGERS", "triggers-1:7401,triggers-1:7401"),
        ("TIDEMILL_ACTIONS_REPLICA_RENEW_US", "3000000"),
    ],
)
def test_settings_that_do_not_fit_together_are_refused(variable: str, value: str) -> None:
    with pytest.raises(InvalidRequestError, match=variable):
        load({variable: value})


def test_every_limit_has_its_unit() -> None:
    limits = {field.name for field in dataclasses.fields(Settings)} - PLAIN
    assert all(name.endswith(UNITS) for name in limits)
