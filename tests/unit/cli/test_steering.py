"""`cancel`, `suspend`, `resume`, `retry` and `dead-letter`."""

import json

import pytest

from tests.unit.cli.conftest import Tidemill
from tests.unit.cli.services import Answers
from tidemill.api.engine.v1 import dead_letter_service_pb2 as dead_letters
from tidemill.api.engine.v1 import execution_pb2
from tidemill.api.engine.v1 import execution_service_pb2 as pb
from tidemill.api.errors.v1 import error_reason_pb2 as reasons
from tidemill.api.events.v1.stored_pb2 import DeadLetter
from tidemill.errors import TidemillError

SUSPENDED = execution_pb2.Execution(execution_id="0-1", phase=execution_pb2.EXECUTION_PHASE_SUSPENDED)
RESPONSES = {
    "cancel": pb.CancelResponse(execution=SUSPENDED),
    "suspend": pb.SuspendResponse(execution=SUSPENDED),
    "resume": pb.ResumeResponse(execution=SUSPENDED),
    "retry": pb.RetryResponse(execution=SUSPENDED),
}
LETTERS = [
    DeadLetter(id=number, execution_id="0-1", namespace="shop", kind="command", error="Trace\nValueError: no")
    for number in (1, 2)
]


@pytest.mark.parametrize("command", RESPONSES)
def test_each_command_says_where_the_execution_stands_after_it(
    tidemill: Tidemill, answers: Answers, command: str
) -> None:
    answers.by_method[f"ExecutionService/{command.capitalize()}"] = RESPONSES[command]
    assert tidemill(command, "0-1").lines == ["0-1 is suspended"]
    assert json.loads(tidemill(command, "0-1", "--json").out) == {"execution_id": "0-1", "phase": "suspended"}
    first, second = answers.requests
    assert isinstance(first, pb.CancelRequest | pb.SuspendRequest | pb.ResumeRequest | pb.RetryRequest)
    assert isinstance(second, type(first))
    assert (first.namespace, first.execution_id) == ("-", "0-1")
    assert first.request_id != second.request_id


def test_options_travel_with_the_command(tidemill: Tidemill, answers: Answers) -> None:
    answers.by_method["ExecutionService/Retry"] = RESPONSES["retry"]
    answers.by_method["ExecutionService/Cancel"] = RESPONSES["cancel"]
    tidemill("retry", "0-1", "--if-sequence", "12", "--namespace", "shop")
    tidemill("cancel", "0-1", "--reason", "asked for")
    retry, cancel = answers.requests
    assert isinstance(retry, pb.RetryRequest)
    assert isinstance(cancel, pb.CancelRequest)
    assert (retry.if_sequence, retry.namespace, cancel.reason) == (12, "shop", "asked for")


def test_a_command_that_does_not_fit_is_an_error(tidemill: Tidemill, answers: Answers) -> None:
    answers.by_method["ExecutionService/Resume"] = TidemillError(
        reasons.ERROR_REASON_PHASE_CONFLICT, "0-1 is completed"
    )
    outcome = tidemill("resume", "0-1")
    assert (outcome.code, outcome.err) == (1, "error: 0-1 is completed (PHASE_CONFLICT)\n")


def test_dead_letters_are_listed(tidemill: Tidemill, answers: Answers) -> None:
    answers.by_method["DeadLetterService/List"] = dead_letters.DeadLetterServiceListResponse(
        dead_letters=LETTERS
    )
    rows = [json.loads(line) for line in tidemill("dead-letter", "list", "--json").lines]
    assert [(row["id"], row["execution_id"], row["error"]) for row in rows] == [
        (1, "0-1", "Trace\nValueError: no"),
        (2, "0-1", "Trace\nValueError: no"),
    ]
    assert any(
        line.endswith("ValueError: no") for line in map(str.rstrip, tidemill("dead-letter", "list").lines)
    )


def test_dead_letters_are_taken_up_again_by_number_or_all(tidemill: Tidemill, answers: Answers) -> None:
    answers.by_method["DeadLetterService/List"] = dead_letters.DeadLetterServiceListResponse(
        dead_letters=LETTERS
    )
    answers.by_method["DeadLetterService/Redrive"] = dead_letters.RedriveResponse(ids=[1, 2])
    assert tidemill("dead-letter", "redrive", "1", "2").lines == ["2 taken up again"]
    assert tidemill("dead-letter", "redrive", "--all", "--json").lines == ['{"ids":[1,2]}']
    redrives = [
        list(request.ids) for request in answers.requests if isinstance(request, dead_letters.RedriveRequest)
    ]
    assert redrives == [[1, 2], [1, 2]]


def test_a_dead_letter_that_is_not_there_is_an_error(tidemill: Tidemill, answers: Answers) -> None:
    answers.by_method["DeadLetterService/Redrive"] = dead_letters.RedriveResponse(ids=[1])
    outcome = tidemill("dead-letter", "redrive", "1", "9")
    assert (outcome.code, outcome.err) == (1, "error: no dead letter has the number 9\n")


@pytest.mark.parametrize("arguments", [(), ("1", "--all")])
def test_redrive_wants_numbers_or_all(tidemill: Tidemill, arguments: tuple[str, ...]) -> None:
    assert tidemill("dead-letter", "redrive", *arguments).code == 2
