"""Holds our shapes to the official schema: on its own data, and on thousands of changed copies of them."""

from pathlib import Path
from typing import Final

import pytest

from tests.unit.dsl.mutations import Mutator
from tests.unit.dsl.official_schema import DIFFERENCES, agreed_validator, official_validator
from tests.unit.dsl.shared_data import documents, scenario_documents
from tidemill.dsl import DocumentError, check, load
from tidemill.dsl.checking import shape_problems
from tidemill.json import Json

_MUTANTS_OF_EACH: Final = 30
_KITCHEN_SINK: Final = Path(__file__).with_name("kitchen_sink.yaml")
_ADR: Final = Path(__file__).parents[3] / "docs" / "adr" / "0002-own-schema.md"


def corpus() -> dict[str, Json]:
    """Everything that there is, well formed or not."""
    found: dict[str, Json] = {name: load(text) for name, text in documents("examples").items()}
    for name, text in documents("invalid").items():
        # One of them has a key twice, which would hide what it is about.
        found[name] = load(text.replace("do:\ndo:", "do:"))
    return {**found, **scenario_documents(), _KITCHEN_SINK.name: load(_KITCHEN_SINK.read_text())}


def accepts(document: Json) -> bool:
    return all(problem.severity == "warning" for problem in shape_problems(document))


def test_every_example_passes() -> None:
    texts = documents("examples")
    refused = {name: found for name, text in texts.items() if (found := errors_of(load(text)))}

    assert len(texts) == 68
    assert refused == {}


def test_every_scenario_passes() -> None:
    scenarios = scenario_documents()

    assert len(scenarios) == 21
    assert {name: found for name, document in scenarios.items() if (found := errors_of(document))} == {}


def errors_of(document: Json) -> list[str]:
    return [str(problem) for problem in check(document) if problem.severity == "error"]


def test_every_invalid_document_is_refused_with_pointers() -> None:
    texts = documents("invalid")

    assert errors_of(load(texts["extra-property-in-call.yaml"]))[0].startswith(
        "/do/0/getPet/foo: `foo` is not"
    )
    assert errors_of(load(texts["two-tasks-in-one-item.yaml"])) == [
        "/do/0: item 0 must be an object with one task, indented below its name"
    ]
    twice = texts["listen-any-until-any-until.yaml"]
    with pytest.raises(DocumentError, match="the key `do` is given twice, at 7:1"):
        load(twice)
    assert errors_of(load(twice.replace("do:\ndo:", "do:"))) == [
        "/do/0/callDoctor/listen/to/until: `until` may not have an `until` of its own"
    ]


@pytest.mark.timeout(240)
def test_our_verdict_on_shapes_is_that_of_the_official_schema() -> None:
    official = agreed_validator()
    originals = corpus()
    mutator = Mutator(list(originals.values()), seed=20260131)
    verdicts = {True: 0, False: 0}
    for name, document in originals.items():
        count = _MUTANTS_OF_EACH * (20 if name == _KITCHEN_SINK.name else 1)
        for mutant in (document, *mutator.mutants(document, count=count)):
            expected = official.is_valid(mutant)
            verdicts[expected] += 1
            assert accepts(mutant) == expected, (name, mutant, list(shape_problems(mutant)))

    # Both verdicts must have been asked for often, or this test shows little.
    assert min(verdicts.values()) > 500


def example_of(difference: str) -> dict[str, Json]:
    """A document on which we and the published schema differ, for each difference that is listed."""
    header: Json = {"dsl": "1.0.3", "namespace": "a", "name": "b", "version": "1.0.0"}
    tokens: Json = {"basic": {"username": "a", "password": "b"}, "bearer": {"token": 5}}
    match difference:
        case "an expression may run over several lines":
            return {"document": header, "do": [{"a": {"wait": "${\n.a\n}"}}]}
        case "a filter may hold a regular expression":
            on: Json = {"one": {"with": {"source": "^https://.*$"}}}
            return {"document": header, "do": [], "schedule": {"on": on}}
        case "`run.workflow` may leave out the version":
            child: Json = {"workflow": {"namespace": "a", "name": "b"}}
            return {"document": header, "do": [{"a": {"run": child}}]}
        case _:
            return {"document": header, "do": [], "use": {"authentications": {"a": tokens}}}


@pytest.mark.parametrize("difference", DIFFERENCES)
def test_a_listed_difference_is_one_and_is_written_down(difference: str) -> None:
    document = example_of(difference)

    assert accepts(document) != official_validator().is_valid(document)
    assert f"| {difference} |" in _ADR.read_text()
