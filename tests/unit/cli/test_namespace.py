"""`namespace`: terms go out as durations, and come back in seconds."""

import json

import pytest

from tests.unit.cli.conftest import Tidemill
from tests.unit.cli.services import Answers
from tidemill.api.engine.v1 import namespace_service_pb2 as pb
from tidemill.errors import duration_of_us

DAY_US = 86_400_000_000
SHOP = pb.Namespace(
    name="shop",
    history_retention=duration_of_us(30 * DAY_US),
    effective_history_retention=duration_of_us(30 * DAY_US),
    effective_execution_retention=duration_of_us(0),
)


def test_terms_are_set_and_shown(tidemill: Tidemill, answers: Answers) -> None:
    answers.by_method["NamespaceService/Update"] = pb.NamespaceServiceUpdateResponse(namespace=SHOP)
    outcome = tidemill(
        "namespace", "set", "shop", "--history-retention", "P30D", "--execution-retention", "default"
    )
    assert outcome.code == 0
    [request] = answers.requests
    assert isinstance(request, pb.NamespaceServiceUpdateRequest)
    assert [*request.update_mask.paths] == ["history_retention", "execution_retention"]
    assert request.namespace == pb.Namespace(name="shop", history_retention=duration_of_us(30 * DAY_US))
    assert request.request_id
    shown = outcome.out.split()
    assert shown[-5:] == ["shop", "2592000", "s", "forever", "(default)"]


def test_for_ever_is_a_term_of_its_own(tidemill: Tidemill, answers: Answers) -> None:
    answers.by_method["NamespaceService/Update"] = pb.NamespaceServiceUpdateResponse(namespace=SHOP)
    assert tidemill("namespace", "set", "shop", "--execution-retention", "forever").code == 0
    [request] = answers.requests
    assert isinstance(request, pb.NamespaceServiceUpdateRequest)
    assert [*request.update_mask.paths] == ["execution_retention"]
    assert request.namespace.HasField("execution_retention")
    assert not request.namespace.execution_retention.seconds


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "name --history-retention"),
        (("--history-retention", "soon"), "--history-retention"),
        (("--execution-retention", "PT0S"), "--execution-retention"),
    ],
)
def test_what_is_no_term_is_refused(
    tidemill: Tidemill, answers: Answers, arguments: tuple[str, ...], said: str
) -> None:
    outcome = tidemill("namespace", "set", "shop", *arguments)
    assert (outcome.code, outcome.out) == (2, "")
    assert said in outcome.err


def test_namespaces_are_shown_for_machines(tidemill: Tidemill, answers: Answers) -> None:
    answers.by_method["NamespaceService/Get"] = pb.NamespaceServiceGetResponse(namespace=SHOP)
    answers.by_method["NamespaceService/List"] = pb.NamespaceServiceListResponse(namespaces=[SHOP])
    shown = {
        "name": "shop",
        "history_retention": 2_592_000,
        "execution_retention": None,
        "effective_history_retention": 2_592_000,
        "effective_execution_retention": 0,
    }
    for arguments in (("get", "shop"), ("list",)):
        outcome = tidemill("namespace", *arguments, "--json")
        assert [json.loads(line) for line in outcome.lines] == [shown]
