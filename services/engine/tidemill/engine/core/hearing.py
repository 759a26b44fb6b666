"""Event filters as executions hold them: which lane hears their events, and which events they take."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final, TypeAlias

from tidemill import lanes
from tidemill.dsl.problems import refusal
from tidemill.engine.core.compiler import members
from tidemill.engine.core.evaluation import Formula
from tidemill.engine.core.events import Subscription
from tidemill.engine.core.faults import fault
from tidemill.engine.core.variables import ARGUMENTS, NO_VARIABLES
from tidemill.errors import TidemillError
from tidemill.events.filters import FilterError, compile_filter
from tidemill.events.listens import ordering_key_of
from tidemill.events.shapes import correlation_key, shape_of
from tidemill.events.subjects import subject_text
from tidemill.expressions import Expression, ExpressionError, Template
from tidemill.json import Json

if TYPE_CHECKING:
    from collections.abc import Collection

    from tidemill.engine.core.compiler import Compiler
    from tidemill.engine.core.turn import Turn

Evaluate: TypeAlias = Callable[[Formula, Json], Json]

_ANY_NAMESPACE: Final = "any"
_EVENT_SUBJECT: Final = ".subject"
_ORDERING_KEY: Final = "/document/metadata/tidemill/orderingKey"


class HeardFilter:
    """One event filter: what an event must be like, and which values must be the same in all of them.

    `shape` is how lanes find its events; it lets through more than the filter takes.
    """

    __slots__ = ("_crosses_lanes", "_event_type", "_expects", "_filter", "_values", "shape")

    def __init__(
        self,
        definition: Mapping[str, Json],
        pointer: str,
        compiler: "Compiler",
        bindings: "Collection[str]" = (),
    ) -> None:
        """Compile a filter that may use these variables beside the standard ones; raises DocumentError."""
        attributes = members(definition.get("with"))
        try:
            self._filter = compile_filter(attributes, (*ARGUMENTS, *bindings))
            self.shape = shape_of(definition)
        except FilterError as error:
            raise refusal(error.message, f"{pointer}{error.pointer}") from None
        self._event_type = self._filter.event_type or lanes.ALL_TYPES
        _check_type(self._event_type, f"{pointer}/with/type")
        self._values: dict[str, Expression] = {}
        self._expects: dict[str, Template] = {}
        for name, given in members(definition.get("correlate")).items():
            place, correlation = f"{pointer}/correlate/{name}", members(given)
            value = compiler.condition(correlation.get("from"), f"{place}/from")
            assert value is not None, "the shape needs it"
            self._values[name] = value
            if correlation.get("expect") is not None:
                self._expects[name] = compiler.template(correlation["expect"], f"{place}/expect")
        self._crosses_lanes = bool(self._values) or "subject" in attributes

    @property
    def names(self) -> "Collection[str]":
        """The names of its correlation values."""
        return self._values.keys()

    def hears_all(self, subject: str) -> bool:
        """Whether an execution with this subject (empty: none) hears the events of all subjects."""
        return self._crosses_lanes or not subject

    def lane(self, namespace: str, subject: str) -> bytes:
        """The lane in which an execution hears the events."""
        if self.hears_all(subject):
            return lanes.correlation_lane(namespace, self._event_type)
        return lanes.subject_lane(namespace, subject)

    def expected(self, evaluate: Evaluate, value: Json) -> dict[str, Json]:
        """The correlation values that its author expects. May raise one of FAULTS."""
        values = {name: evaluate(expect, value) for name, expect in self._expects.items()}
        for name, expected in values.items():
            if expected is None:
                raise fault("expression", f"the correlation `{name:.80}` expects null, which no event has")
        return values

    def passes(self, envelope: Mapping[str, Json], evaluate: Evaluate) -> bool:
        """Whether an event is as the filter asks, whatever it correlates with."""
        return self._filter.passes(envelope, evaluate)

    def correlations(self, envelope: dict[str, Json], evaluate: Evaluate) -> dict[str, Json] | None:
        """The correlation values of an event; None when one is missing: then it correlates with nothing."""
        values: dict[str, Json] = {}
        for name, expression in self._values.items():
            try:
                value = evaluate(expression, envelope)
            except ExpressionError:
                return None
            if value is None:
                return None
            values[name] = value
        return values


class Subjects:
    """Whose events a definition's executions hear: the subject that its ordering key finds on an event."""

    __slots__ = ("_key",)

    def __init__(self, document: Mapping[str, Json], compiler: "Compiler") -> None:
        key = compiler.condition(ordering_key_of(document) or _EVENT_SUBJECT, _ORDERING_KEY)
        assert key is not None
        self._key = key

    def is_own(self, turn: "Turn", envelope: dict[str, Json]) -> bool:
        """Whether an event is of the execution's own subject, whichever lane has brought it."""
        try:
            found = turn.evaluate(self._key, envelope, NO_VARIABLES)
        except ExpressionError:
            return False
        text = subject_text(found)
        return bool(text) and text == turn.state.subject


def reaches(turn: "Turn", event_filter: HeardFilter, envelope: dict[str, Json]) -> bool:
    """Whether a filter hears an event, whichever lane has brought it.

    Another lane may be quicker than that of the filter, and the lane of a subject also has events that are
    of this subject for other definitions alone, by their ordering keys.
    """
    return event_filter.hears_all(turn.state.subject) or turn.plan.subjects.is_own(turn, envelope)


def _check_type(event_type: str, pointer: str) -> None:
    try:
        lanes.correlation_lane(_ANY_NAMESPACE, event_type)
    except TidemillError as error:
        raise refusal(str(error), pointer) from None


def agree(values: Mapping[str, Json], expected: Mapping[str, Json]) -> bool:
    """Whether correlation values are the expected ones, as far as these are known."""
    known = values.keys() & expected.keys()
    return digest_of(values, known) == digest_of(expected, known)


def digest_of(values: Mapping[str, Json], names: "Collection[str]") -> bytes:
    """The digest of the values of these names."""
    return correlation_key({name: values[name] for name in names})


def since_us(turn: "Turn") -> int:
    """From when on events are heard that came before anybody waited: none from before the execution."""
    return max(turn.now_us - turn.plan.settings.event_buffer_us, turn.state.started_at_us)


def subscription_of(
    event_filter: HeardFilter, expected: Mapping[str, Json], turn: "Turn", *, name: str, index: int
) -> Subscription:
    """The wait for a filter's events, of which these correlation values are expected. May raise FAULTS."""
    state = turn.state
    names = event_filter.names
    known = {each: expected[each] for each in names if each in expected}
    return Subscription(
        id=name,
        filter=index,
        lane=event_filter.lane(state.namespace, state.subject),
        key=digest_of(known, names) if names and len(known) == len(names) else b"",
        expected=turn.payload(known) if known else None,
        since_us=since_us(turn),
    )
