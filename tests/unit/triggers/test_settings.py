"""Settings out of the environment."""

import pytest

from tidemill.engine.settings import Settings as EngineSettings
from tidemill.errors import InvalidRequestError
from tidemill.triggers.settings import Settings, load


def test_the_defaults_are_the_ports_that_the_whole_stack_agrees_on() -> None:
    settings = load({})
    assert settings == Settings()
    assert (settings.listen, settings.http_listen, settings.engine) == (
        "127.0.0.1:7401",
        "127.0.0.1:7403",
        "127.0.0.1:7400",
    )


def test_the_index_is_distrusted_before_the_engines_lease_for_watchers_ends() -> None:
    assert Settings().catalogue_silence_us_max < EngineSettings().publish_lease_us


def test_a_part_of_a_request_always_fits_into_the_empty_queue() -> None:
    settings = Settings()
    assert settings.submit_commands_max <= settings.queued_commands_max
    assert settings.submit_bytes_max + settings.data_bytes_max <= settings.queued_bytes_max


def test_variables_are_read_and_mistakes_are_named() -> None:
    assert load({"TIDEMILL_TRIGGERS_QUEUED_COMMANDS_MAX": "7"}).queued_commands_max == 7
    with pytest.raises(InvalidRequestError, match="TIDEMILL_TRIGGERS_QUEUED"):
        load({"TIDEMILL_TRIGGERS_QUEUED": "7"})
    with pytest.raises(InvalidRequestError, match="TIDEMILL_TRIGGERS_ENGINE"):
        load({"TIDEMILL_TRIGGERS_ENGINE": "engine-1:7400,"})
