"""The standard errors, and the spellings of their types that count as the same."""

import pytest

from tidemill.dsl import STANDARD_ERRORS, normalize_error_type, standard_error

TIMEOUT = "https://open-workflow-specification.org/spec/1.0.0/errors/timeout"


def test_standard_errors_have_the_types_and_statuses_of_the_specification() -> None:
    assert {name: error.status for name, error in STANDARD_ERRORS.items()} == {
        "configuration": 400,
        "validation": 400,
        "expression": 400,
        "authentication": 401,
        "authorization": 403,
        "timeout": 408,
        "communication": 500,
        "runtime": 500,
    }
    assert tuple(standard_error("timeout")) == (TIMEOUT, 408, "Timeout Error")


@pytest.mark.parametrize(
    "uri",
    [
        TIMEOUT,
        "https://serverlessworkflow.io/spec/1.0.0/errors/timeout",
        "https://serverlessworkflow.io/dsl/errors/types/timeout",
        "https://open-workflow-specification.org/dsl/errors/types/timeout",
    ],
)
def test_spellings_of_a_standard_type_are_one(uri: str) -> None:
    assert normalize_error_type(uri) == TIMEOUT


@pytest.mark.parametrize(
    "uri",
    ["https://example.com/spec/1.0.0/errors/timeout", "https://serverlessworkflow.io/errors/timeout", ""],
)
def test_other_types_stand_for_themselves(uri: str) -> None:
    assert normalize_error_type(uri) == uri
