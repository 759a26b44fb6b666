"""A document holds so many event filters and no more, wherever they stand."""

from tests.unit.dsl.samples import HEADER, errors
from tidemill.dsl.limits import DOCUMENT_EVENT_FILTERS_MAX
from tidemill.json import Json


def document(excess: int) -> dict[str, Json]:
    """A third of the filters in each place that has any."""
    third = DOCUMENT_EVENT_FILTERS_MAX // 3
    rest = DOCUMENT_EVENT_FILTERS_MAX - 2 * third + excess
    stops: Json = [{"with": {"type": f"stop{number}"}} for number in range(third)]
    starts: Json = [{"with": {"type": f"start{number}"}} for number in range(third)]
    heard: Json = [{"with": {"type": f"heard{number}"}} for number in range(rest)]
    return {
        "document": {**HEADER, "metadata": {"tidemill": {"stopOn": stops}}},
        "schedule": {"on": {"any": starts}},
        "do": [{"hear": {"listen": {"to": {"any": heard}}}}],
    }


def test_as_many_as_the_limit_are_fine() -> None:
    assert errors(document(0)) == {}


def test_the_first_one_too_many_is_told_and_no_other() -> None:
    last = len(range(2 * (DOCUMENT_EVENT_FILTERS_MAX // 3), DOCUMENT_EVENT_FILTERS_MAX))
    assert errors(document(5)) == {
        f"/do/0/hear/listen/to/any/{last}": f"a document may have {DOCUMENT_EVENT_FILTERS_MAX} event "
        "filters; `correlate` lets one filter tell many values apart"
    }
