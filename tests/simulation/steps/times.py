"""Steps about time that passes, with the engine or without it."""

from pytest_bdd import given, parsers, when

from tests.simulation.steps.play import Play
from tests.simulation.steps.words import civil_us, duration_us, instant_us


@given(parsers.re(r'it is "(?P<time>[^"]+)"'))
@when(parsers.re(r'it is "(?P<time>[^"]+)"'))
def it_is(play: Play, time: str) -> None:
    _advance_to(play, instant_us(time))


@when(parsers.re(r'the clock in "(?P<zone>[^"]+)" reaches "(?P<time>[^"]+)"'))
def reaches(play: Play, zone: str, time: str) -> None:
    _advance_to(play, civil_us(time, zone))


@when(parsers.re(r"(?P<duration>\d+ .+) pass(?:es)?"))
def passes(play: Play, duration: str) -> None:
    play.run(play.world.advance(duration_us(duration)))


@when(parsers.re(r'the engine is down from "(?P<begin>[^"]+)" to "(?P<end>[^"]+)"'))
def is_down(play: Play, begin: str, end: str) -> None:
    _advance_to(play, instant_us(begin))
    play.run(_sleep(play, instant_us(end) - instant_us(begin)))


@when(parsers.re(r"the engine is down for (?P<duration>.+)"))
def is_down_for(play: Play, duration: str) -> None:
    play.run(_sleep(play, duration_us(duration)))


@when("the engine dies and starts again")
def dies(play: Play) -> None:
    play.run(_sleep(play, 0))


def _advance_to(play: Play, target_us: int) -> None:
    left_us = target_us - play.world.clock.now_us()
    assert left_us >= 0, "time goes forward only"
    play.run(play.world.advance(left_us))


async def _sleep(play: Play, duration_us: int) -> None:
    """Time passes while no process runs; then they start again."""
    await play.world.clock.advance_us(duration_us)
    await play.world.crash()
    await play.world.settle()
