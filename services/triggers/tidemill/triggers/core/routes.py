"""Which lanes an event must reach: where executions of published versions may wait for it."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from tidemill.errors import TidemillError
from tidemill.events.listen import Listen
from tidemill.lanes import ALL_TYPES
from tidemill.triggers.core.conditions import Evaluation
from tidemill.triggers.core.event import Event
from tidemill.triggers.core.subjects import find_subject

VersionKey = tuple[str, str, str]
_EVERY_TYPE: Final = ""


class Lane(NamedTuple):
    """A lane that an event must reach: that of a subject, or else that of a type."""

    subject: str
    event_type: str


@dataclass(frozen=True, slots=True)
class Route:
    """The lanes of an event, in order, and how many ordering keys failed on it."""

    lanes: tuple[Lane, ...]
    failed_keys: int = 0


_NOWHERE: Final = Route(())


@dataclass(slots=True)
class _Wanted:
    """How many versions want a type's events: in subjects' lanes, by ordering key, and in the type's lane."""

    own: Counter[str] = field(default_factory=Counter)
    correlation: int = 0

    def __bool__(self) -> bool:
        return bool(self.own or self.correlation)


class Routes:
    """What all versions listen to, by namespace and event type.

    A version stays in force as long as the catalogue has it: an execution of an old one may wait for months.
    """

    def __init__(self) -> None:
        self._wanted: dict[tuple[str, str], _Wanted] = {}
        self._versions: dict[VersionKey, tuple[Listen, ...]] = {}
        self._keys: dict[str, Evaluation] = {}

    def __len__(self) -> int:
        return sum(map(len, self._versions.values()))

    def put(self, version: VersionKey, listens: Sequence[Listen]) -> None:
        """Put what a version (namespace, name, version) listens to in force, in place of what it did before.

        Raises EvaluationError for an ordering key that does not compile, and changes nothing then.
        """
        for listen in listens:
            if listen.ordering_key:
                self._compile(listen.ordering_key)
        for listen in self._versions.pop(version, ()):
            self._count(version[0], listen, -1)
        if listens:
            self._versions[version] = tuple(listens)
        for listen in listens:
            self._count(version[0], listen, 1)

    def of(self, namespace: str, event: Event) -> Route:
        """The lanes that an event must reach: of subjects, of its type, of all types."""
        typed = self._wanted.get((namespace, event.raw.type))
        every = self._wanted.get((namespace, _EVERY_TYPE))
        if typed is None and every is None:
            return _NOWHERE
        keys = {key for wanted in (typed, every) if wanted for key in wanted.own}
        # Not the order in which versions came: every process hands an event on in the same order.
        subjects = [self._subject(key, event) for key in sorted(keys)]
        lanes = [Lane(subject, "") for subject in subjects if subject]
        if typed and typed.correlation:
            lanes.append(Lane("", event.raw.type))
        if every and every.correlation:
            lanes.append(Lane("", ALL_TYPES))
        return Route(tuple(dict.fromkeys(lanes)), subjects.count(None))

    def _subject(self, key: str, event: Event) -> str | None:
        """The subject that an ordering key finds, empty without any; None when it fails on this event.

        Unlike a start, whose filter the event has passed, an event that a key fails on may be nobody's.
        """
        if not key:
            return event.raw.subject
        try:
            return find_subject(self._keys[key], event)
        except TidemillError:
            return None

    def _compile(self, key: str) -> None:
        # Expressions take long to load, and many a catalogue needs none.
        from tidemill.triggers.core.evaluation import compile_key

        if key not in self._keys:
            self._keys[key] = compile_key(key)

    def _count(self, namespace: str, listen: Listen, change: int) -> None:
        place = (namespace, listen.event_type)
        wanted = self._wanted.setdefault(place, _Wanted())
        if listen.own_lane:
            wanted.own[listen.ordering_key] += change
            if not wanted.own[listen.ordering_key]:
                del wanted.own[listen.ordering_key]
        wanted.correlation += change if listen.correlation_lane else 0
        if not wanted:
            del self._wanted[place]
