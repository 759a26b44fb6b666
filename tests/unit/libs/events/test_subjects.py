"""What an ordering key may find, and which subject that is."""

import pytest

from tidemill.events.subjects import subject_text
from tidemill.json import Json


@pytest.mark.parametrize(
    ("key", "subject"),
    [
        ("ada", "ada"),
        ("", ""),
        (None, ""),
        (7, "7"),
        (7.0, "7"),
        (-0.0, "0"),
        (7.5, "7.5"),
        (2**63, "9223372036854775808"),
        (1e300, "1e+300"),
    ],
)
def test_texts_and_numbers_are_subjects(key: Json, subject: str) -> None:
    assert subject_text(key) == subject


@pytest.mark.parametrize("key", [True, False, [], ["ada"], {}])
def test_other_values_are_none(key: Json) -> None:
    assert subject_text(key) is None
