"""Settings that do not fit together are refused at start, by the name of the variable."""

import pytest

from tidemill.engine.core.apply_waits import HEARD_US_MAX
from tidemill.engine.settings import load
from tidemill.errors import InvalidRequestError


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("TIDEMILL_ENGINE_SHARDS", "-1"),
        ("TIDEMILL_ENGINE_LANE_EVENT_US", str(HEARD_US_MAX + 1)),
        ("TIDEMILL_ENGINE_ACTIONS", "actions-1:7402,actions-2"),
    ],
)
def test_a_setting_out_of_its_bounds_is_refused(variable: str, value: str) -> None:
    with pytest.raises(InvalidRequestError, match=variable):
        load({variable: value})


def test_lanes_may_keep_events_for_as_long_as_executions_remember_them() -> None:
    assert load({"TIDEMILL_ENGINE_LANE_EVENT_US": str(HEARD_US_MAX)}).lane_event_us == HEARD_US_MAX
