"""The language's conformance kit, by path: every scenario through the whole stack."""

import pytest
from pytest_bdd import scenarios
from pytest_bdd.feature import get_features

from tests.unit.dsl.shared_data import shared_directory, shared_path

pytestmark = [pytest.mark.e2e, pytest.mark.ctk, pytest.mark.timeout(180)]

SCENARIOS = 21

if shared_path().is_dir():
    scenarios(str(shared_path() / "ctk" / "features"))


def test_the_kit_is_there_and_whole() -> None:
    features = shared_directory() / "ctk" / "features"
    found = [name for feature in get_features([str(features)]) for name in feature.scenarios]
    assert len(found) == len(set(found)) == SCENARIOS
