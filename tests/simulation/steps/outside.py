"""Steps about the actions that workflows call: how they answer, and how and when they were called."""

from collections import defaultdict
from collections.abc import Iterator
from itertools import pairwise

from pytest_bdd import given, parsers, then

from tests.simulation.actions import Effect, Failure, Hang
from tests.simulation.steps.play import Play
from tests.simulation.steps.words import count_of, instant_us, list_of, value_of
from tests.simulation.world import SECOND_US
from tidemill.json import dumps

_ACTION = r'the action "(?P<action>[^"]+)"'
_OFTEN = r"(?P<often>never|once|twice|\d+ times)"


@given(parsers.re(_ACTION + r" answers (?P<data>.+)"))
def answers(play: Play, action: str, data: str) -> None:
    play.world.outside.handlers[action] = lambda _: value_of(data)


@given(parsers.re(_ACTION + r" never answers"))
def never_answers(play: Play, action: str) -> None:
    play.world.outside.handlers[action] = lambda _: Hang


@given(parsers.re(_ACTION + r" never answers the first time, then answers (?P<data>.+)"))
def answers_later(play: Play, action: str, data: str) -> None:
    script = iter([Hang])
    play.world.outside.handlers[action] = lambda _: next(script, value_of(data))


@given(parsers.re(_ACTION + r" fails with status (?P<status>\d+)"))
def fails(play: Play, action: str, status: str) -> None:
    play.world.outside.handlers[action] = lambda _: Failure(status=int(status))


@given(parsers.re(_ACTION + rf" fails {_OFTEN} with status (?P<status>\d+), then answers (?P<data>.+)"))
def fails_at_first(play: Play, action: str, often: str, status: str, data: str) -> None:
    script: Iterator[Failure] = iter([Failure(status=int(status))] * count_of(often))
    play.world.outside.handlers[action] = lambda _: next(script, value_of(data))


@then(parsers.re(_ACTION + rf" was called {_OFTEN}(?:, after (?P<after>[^:]+) seconds)?"))
def was_called(play: Play, action: str, often: str, after: str | None) -> None:
    effects = play.effects(action)
    assert len(effects) == count_of(often), effects
    if after is not None:
        assert _seconds(play, effects) == [float(each) for each in list_of(after)]


@then(parsers.re(_ACTION + r" was called with: (?P<data>.+)"))
def was_called_once_with(play: Play, action: str, data: str) -> None:
    assert [effect.arguments for effect in play.effects(action)] == [value_of(data)]


@then(parsers.re(_ACTION + r" was called in this order with: (?P<data>.+)"))
def was_called_with(play: Play, action: str, data: str) -> None:
    assert [effect.arguments for effect in play.effects(action)] == value_of(data)


@then(
    parsers.re(
        r'the calls of "(?P<action>[^"]+)" came, with those of one moment in any order, with: (?P<data>.+)'
    )
)
def were_called_with(play: Play, action: str, data: str) -> None:
    moments: dict[int, list[str]] = defaultdict(list)
    for effect in play.effects(action):
        moments[effect.time_us].append(dumps(effect.arguments).decode())
    wanted = [sorted(dumps(each).decode() for each in moment) for moment in value_of(data)]
    assert [sorted(moment) for moment in moments.values()] == wanted


@then(parsers.re(_ACTION + r' was called at (?P<times>".+")'))
def was_called_at(play: Play, action: str, times: str) -> None:
    wanted = [instant_us(each) for each in value_of(f"[{times.replace(' and ', ', ')}]")]
    assert [effect.time_us for effect in play.effects(action)] == wanted


@then(
    parsers.re(
        _ACTION + r" was called (?P<low>\d+) to (?P<high>\d+) seconds after the call before, each time"
    )
)
def was_called_between(play: Play, action: str, low: str, high: str) -> None:
    seconds = _seconds(play, play.effects(action))
    pauses = [after - before for before, after in pairwise(seconds)]
    assert pauses
    assert all(int(low) <= pause <= int(high) for pause in pauses), pauses
    assert len(set(pauses)) > 1, "chance has had no part in it"


@then(parsers.re(r"the actions were called in this order: (?P<actions>.+)"))
def were_called_in_order(play: Play, actions: str) -> None:
    assert [effect.action for effect in play.world.outside.effects] == actions.split(", ")


@then("nothing was called")
def nothing_was_called(play: Play) -> None:
    assert not play.world.outside.effects


@then("nothing else was called")
def nothing_else_was_called(play: Play) -> None:
    assert [effect for effect in play.world.outside.effects if effect.action not in play.seen] == []


@then(parsers.re(rf'the call of "(?P<action>[^"]+)" was cancelled(?: {_OFTEN})?'))
def was_cancelled(play: Play, action: str, often: str | None) -> None:
    assert _cancelled(play).count(action) == count_of(often or "once"), _cancelled(play)


@then("no call was cancelled")
def none_was_cancelled(play: Play) -> None:
    assert _cancelled(play) == []


def _cancelled(play: Play) -> list[str]:
    names = {(effect.key, effect.attempt): effect.action for effect in play.world.outside.effects}
    return [names[identity] for identity in play.world.outside.cancelled]


def _seconds(play: Play, effects: list[Effect]) -> list[float]:
    assert play.begun_us is not None, "nothing has begun yet"
    return [(effect.time_us - play.begun_us) / SECOND_US for effect in effects]
