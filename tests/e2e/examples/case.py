"""What one example of the language is given, and what must be true of it then."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

from tests.e2e.running import Report
from tidemill.json import Json

STANDARD: Final = "https://open-workflow-specification.org/spec/1.0.0/errors/"
# An output that the check looks at by itself.
UNSAID: Final = object()


@dataclass(frozen=True, kw_only=True)
class Asked:
    """One call that a stub saw; of the headers those that are named here."""

    method: str
    url: str
    body: Json = None
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Event:
    """An event from outside."""

    type: str
    data: Json = None
    source: str = "/outside"
    extensions: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Seen:
    """What became of a case: its execution, the calls of it that stubs saw, and the events that it emitted,
    as another workflow heard them. `containers` holds the arguments of each call of the runtime."""

    report: Report
    asked: list[Asked]
    emitted: list[Any]
    containers: list[list[str]]


Check: TypeAlias = Callable[[Seen], None]


@dataclass(frozen=True, kw_only=True)
class Case:
    """One run of an example, in a namespace of its own.

    `events` are published in their order once the execution waits, or start it where `started_by_event`. The
    order of events of different types holds within a subject alone; where there can be none, as correlated
    events come from everywhere, `heard_first` waits until the first one was heard.
    `also` are documents that are published before, `hears` is the type of event that another workflow hears.
    `changed` replaces a text of the document, with the reason; mostly that what stands there contradicts the
    specification. An execution that `ends_never` is cancelled once the calls of the case were seen.
    """

    name: str = ""
    given: Json = None
    events: tuple[Event, ...] = ()
    subject: str = ""
    started_by_event: bool = False
    heard_first: bool = False
    also: tuple[str, ...] = ()
    hears: str = ""
    changed: tuple[str, str, str] | None = None
    ends_never: bool = False

    output: Any = UNSAID
    error: dict[str, Json] | None = None
    asked: tuple[Asked, ...] = ()
    asked_in_any_order: bool = False
    emitted: tuple[dict[str, Json], ...] = ()
    tasks: tuple[str, ...] = ()
    check: Check = lambda _seen: None
