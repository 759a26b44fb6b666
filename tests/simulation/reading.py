"""A simulation reads the same few documents thousands of times: YAML is parsed once, and kept as bytes."""

import pickle
from functools import lru_cache
from typing import Final

import pytest

from tidemill.dsl import loading
from tidemill.dsl.yaml_reader import read_yaml
from tidemill.json import Json

# More than the documents of any module; each test process holds that many at most.
_TEXTS_MAX: Final = 256


def keep_what_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """For one test, let documents be read through what earlier tests have read.

    Each restart of an Engine and of the Triggers reads every document anew, which would take four fifths of a
    story with crashes. What a text means does not depend on when it is read, and all get values of their own.
    """
    monkeypatch.setattr(loading, "read_yaml", _read)


def _read(source: str) -> Json:
    value: Json = pickle.loads(_pickled(source))
    return value


@lru_cache(maxsize=_TEXTS_MAX)
def _pickled(source: str) -> bytes:
    """What is refused is raised, and so read again the next time."""
    return pickle.dumps(read_yaml(source))
