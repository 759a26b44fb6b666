"""`events follow`: what it asks for, prints, and says in the end."""

import json

import pytest

from tests.unit.cli.conftest import Tidemill
from tests.unit.cli.services import Answers
from tidemill.api.engine.v1 import lifecycle_service_pb2 as pb
from tidemill.api.events.v1.payload_pb2 import CloudEvent

METHOD = "LifecycleService/Subscribe"
STARTED = "io.serverlessworkflow.task.started.v1"


def event(number: int) -> CloudEvent:
    return CloudEvent(
        id=f"x/{number}",
        source="/shop/cart",
        type=STARTED,
        subject="x",
        time="2026-11-24T13:00:00Z",
        data_content_type="application/json",
        data=b'{"task":"/do/0/greet"}',
        extensions={"lanesubject": "contact-7"},
    )


def answer(*numbers: int, commit: int) -> pb.SubscribeResponse:
    return pb.SubscribeResponse(
        events=map(event, numbers), position=pb.LifecyclePosition(commits={1: 3, 0: commit})
    )


def test_it_prints_events_and_where_to_go_on(tidemill: Tidemill, answers: Answers) -> None:
    answers.by_method[METHOD] = [answer(commit=1), answer(1, 2, commit=2)]
    done = tidemill("events", "follow", "--workflow", "cart", "--type", STARTED, "--namespace", "shop")
    assert done.code == 0
    assert [line.split() for line in done.lines] == [
        ["2026-11-24T13:00:00Z", STARTED, "x", "/shop/cart", "/do/0/greet"]
    ] * 2
    assert done.err == "position 0:2,1:3\n"
    assert answers.requests == [
        pb.SubscribeRequest(namespace="shop", workflow="cart", types=[STARTED], start=pb.LIFECYCLE_START_NOW)
    ]


def test_the_short_names_of_types_will_do(tidemill: Tidemill, answers: Answers) -> None:
    answers.by_method[METHOD] = []
    tidemill("events", "follow", "--type", "task.started", "--type", "other")
    (request,) = answers.requests
    assert isinstance(request, pb.SubscribeRequest)
    assert list(request.types) == [STARTED, "other"]


def test_json_is_the_format_of_cloud_events(tidemill: Tidemill, answers: Answers) -> None:
    answers.by_method[METHOD] = answer(7, commit=2)
    done = tidemill("events", "follow", "--json")
    assert json.loads(done.out) == {
        "specversion": "1.0",
        "id": "x/7",
        "source": "/shop/cart",
        "type": STARTED,
        "subject": "x",
        "time": "2026-11-24T13:00:00Z",
        "datacontenttype": "application/json",
        "lanesubject": "contact-7",
        "data": {"task": "/do/0/greet"},
    }


def test_a_limit_ends_it_at_the_position_behind_which_nothing_is_lost(
    tidemill: Tidemill, answers: Answers
) -> None:
    answers.by_method[METHOD] = [answer(1, commit=1), answer(2, 3, commit=2), answer(4, commit=3)]
    done = tidemill("events", "follow", "--limit", "2", "--from", "beginning")
    assert len(done.lines) == 2
    assert done.err == "position 0:1,1:3\n"
    (request,) = answers.requests
    assert isinstance(request, pb.SubscribeRequest)
    assert request.start == pb.LIFECYCLE_START_BEGINNING


def test_a_position_is_brought_back(tidemill: Tidemill, answers: Answers) -> None:
    answers.by_method[METHOD] = []
    assert tidemill("events", "follow", "--from", "0:12,1:7").code == 0
    (request,) = answers.requests
    assert isinstance(request, pb.SubscribeRequest)
    assert dict(request.after.commits) == {0: 12, 1: 7}


@pytest.mark.parametrize("text", ["", "yesterday", "0:", "0:1,", "0:-1", "a:1"])
def test_what_is_no_position_is_refused(tidemill: Tidemill, text: str) -> None:
    done = tidemill("events", "follow", "--from", text)
    assert done.code == 2
    assert "--from is now, beginning or a position" in done.err
