"""Where a client finds the services."""

import pytest

from tidemill.client.addresses import Addresses
from tidemill.errors import InvalidRequestError


def test_the_default_is_the_first_local_stack() -> None:
    assert Addresses.from_environment({}) == Addresses("127.0.0.1:7400", "127.0.0.1:7401", "127.0.0.1:7402")


def test_the_others_stand_beside_the_engine() -> None:
    assert Addresses.from_environment({"TIDEMILL_ENGINE": "[::1]:8000"}) == Addresses(
        "[::1]:8000", "[::1]:8001", "[::1]:8002"
    )


def test_several_engines_have_the_others_beside_each() -> None:
    assert Addresses.from_environment({"TIDEMILL_ENGINE": "a:1,b:5"}) == Addresses(
        "a:1,b:5", "a:2,b:6", "a:3,b:7"
    )


def test_each_may_be_named() -> None:
    found = Addresses.from_environment({"TIDEMILL_ENGINE": "e:1", "TIDEMILL_TRIGGERS": "t:2"})
    assert (found.engine, found.triggers, found.actions) == ("e:1", "t:2", "e:3")


@pytest.mark.parametrize(
    "address", ["host", "host:", ":7400", "host:port", "host:99999", "host:1,", "host:1,host:1", "::1:5"]
)
def test_what_is_no_address_is_refused_by_the_name_of_its_variable(address: str) -> None:
    with pytest.raises(InvalidRequestError, match="TIDEMILL_TRIGGERS"):
        Addresses.from_environment({"TIDEMILL_TRIGGERS": address})
