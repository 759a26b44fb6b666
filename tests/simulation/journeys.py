"""The journeys in `examples/`, each with the story that must come of it."""

from pathlib import Path
from typing import Any, Final

from tests.simulation.story import Story
from tidemill.dsl import load

EXAMPLES: Final = Path(__file__).parents[2] / "examples"
NAMESPACE: Final = "journeys"
STORY: Final = "story.yaml"


def journeys() -> list[str]:
    """The folders that hold one."""
    return [path.parent.name for path in sorted(EXAMPLES.glob(f"*/{STORY}"))]


def documents_of(journey: str) -> list[Path]:
    """The workflows of a journey."""
    return [path for path in sorted((EXAMPLES / journey).glob("*.yaml")) if path.name != STORY]


def story_of(journey: str) -> Story:
    """What happens in a journey, and what must come of it."""
    story: Any = load((EXAMPLES / journey / STORY).read_bytes())
    return Story([path.read_bytes() for path in documents_of(journey)], dict(story))
