"""Each journey in `examples/` has exactly the effects that its story tells, whatever crashes on the way."""

from collections import Counter
from itertools import count
from typing import Final

import pytest

from tests.simulation.journeys import EXAMPLES, NAMESPACE, documents_of, journeys, story_of
from tests.simulation.world import SECOND_US, CrashError, World
from tidemill import dsl
from tidemill.json import Json

JOURNEYS: Final = journeys()
DOCUMENTS: Final = [str(path.relative_to(EXAMPLES)) for name in JOURNEYS for path in documents_of(name)]
DAY_US: Final = 86_400 * SECOND_US
# Enough to be back, and to come a bit further.
STEPS_PER_LIFE: Final = 101
CONTACTS: Final = 1_000
# Binomial: 1,000 contacts at 70 in 100 lie within four standard deviations in all but 1 of 15,000 cases. The
# branch follows from the name, so that this is drawn once and for all.
DISCOUNTS: Final = range(642, 759)


def test_there_are_six_journeys() -> None:
    assert JOURNEYS == [
        "abandoned-cart",
        "appointment-reminder",
        "birthday",
        "lead-nurture",
        "lead-routing",
        "re-engagement",
    ]


@pytest.mark.parametrize("document", DOCUMENTS)
def test_a_document_is_without_errors_and_warnings(document: str) -> None:
    loaded = dsl.load((EXAMPLES / document).read_bytes())
    assert dsl.check(loaded) == []
    assert dsl.unsupported(loaded) == []


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("journey", JOURNEYS)
async def test_a_journey_goes_as_its_story_tells(journey: str, seed: int) -> None:
    story = story_of(journey)
    ending = await story.play(World(seed=seed))
    expected = story.expected()
    assert ending.effects == expected.effects
    assert ending.executions == expected.executions


@pytest.mark.parametrize("journey", JOURNEYS)
async def test_crashes_on_the_way_change_nothing(journey: str) -> None:
    story, world = story_of(journey), World()
    steps = count(1)

    def step() -> None:
        if world.is_settling and next(steps) % STEPS_PER_LIFE == 0:
            raise CrashError

    world.before_step = step
    assert await story.play(world) == story.expected()
    assert world.crashes


async def test_a_story_that_goes_another_way_ends_otherwise() -> None:
    story = story_of("lead-nurture")
    story.events = [event for event in story.events if event.get("subject") != "dora"]
    ending, expected = await story.play(World()), story.expected()
    assert len(ending.effects) == len(expected.effects) - 2
    assert set(ending.effects) < set(expected.effects)
    assert ending.executions < expected.executions


async def test_a_contact_stays_in_its_branch_and_the_shares_are_those_of_the_split() -> None:
    world = await World().open()
    (document,) = documents_of("re-engagement")
    await world.publish(document.read_bytes())
    for _ in range(2):
        for number in range(CONTACTS):
            data: Json = {"email": f"{number}@example.com", "timezone": "UTC"}
            subject, kind = f"contact-{number}", "com.example.contact.inactive"
            await world.event(NAMESPACE, kind, data, subject=subject)
        await world.advance(61 * DAY_US)
    mails = Counter(str(effect.arguments) for effect in world.outside.effects)
    assert len(mails) == CONTACTS
    assert set(mails.values()) == {2}
    assert sum("we-miss-you-discount" in mail for mail in mails) in DISCOUNTS
