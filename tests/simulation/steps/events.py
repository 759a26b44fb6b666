"""Steps about events that come from outside."""

from pytest_bdd import parsers, when

from tests.simulation.steps.play import NAMESPACE, Play
from tests.simulation.steps.words import value_of


@when(
    parsers.re(
        r'the event "(?P<event_type>[^"]+)"(?: with the id "(?P<event_id>[^"]+)")?'
        r'(?: from "(?P<source>[^"]+)")?'
        r'(?: about "(?P<subject>[^"]+)")? comes(?: again)?(?: with: (?P<data>.+))?'
    )
)
def comes(
    play: Play,
    event_type: str,
    event_id: str | None,
    source: str | None,
    subject: str | None,
    data: str | None,
) -> None:
    play.begin()
    given_data = None if data is None else value_of(data)
    named = {"id": event_id, "source": source, "subject": subject}
    attributes = {name: value for name, value in named.items() if value is not None}
    outcome = play.run(play.world.event(NAMESPACE, event_type, given_data, **attributes))
    assert outcome.error is None, outcome.error
