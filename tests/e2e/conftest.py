"""What the tests of whole stacks share."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e import sample_actions
from tests.e2e.running import RunningStack
from tests.e2e.web import echo, serving

_PROJECT = Path(__file__).parents[2]


def sample_settings() -> dict[str, str]:
    """Variables for a stack that serves the sample actions."""
    path = os.pathsep.join(filter(None, (str(_PROJECT), os.environ.get("PYTHONPATH"))))
    return {"TIDEMILL_ACTIONS_MODULES": sample_actions.MODULE, "PYTHONPATH": path}


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    """One stack for the module, with the sample actions and an outside called `api.example.com`."""
    with (
        serving(echo) as outside,
        RunningStack(
            tmp_path_factory.mktemp("stack"),
            TIDEMILL_ACTIONS_HTTP_HOSTS=f"api.example.com={outside}",
            TIDEMILL_ENGINE_UNKNOWN_ACTION_GRACE_US="500000",
            **sample_settings(),
        ) as running,
    ):
        yield running
