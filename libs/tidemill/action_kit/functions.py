"""The decorator that turns a Python function into an action, and what the function is given."""

import inspect
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple, TypedDict, Unpack

from tidemill.action_kit.effects import EffectClass
from tidemill.json import Json

_FULL_NAME: Final = re.compile(r"[A-Za-z][\w.\-]*:\d+\.\d+\.\d+(?:[-+][\w.\-]+)?")
DEFAULT_TIMEOUT_SECONDS: Final = 30.0


class ActionContext(NamedTuple):
    """One call, as the function sees it.

    `idempotency_key` stays the same however often the effect is asked for: hand it to whatever you call.
    """

    idempotency_key: str
    attempt: int
    namespace: str
    execution_id: str
    task_reference: str


ActionFunction = Callable[[Json, ActionContext], Json] | Callable[[Json, ActionContext], Awaitable[Json]]
Schema = Mapping[str, object] | bool


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionAction:
    """A function with the name, version and promises under which workflows call it."""

    full_name: str
    function: ActionFunction
    effect_class: EffectClass
    timeout_seconds: float
    rate_group: str
    input_schema: Schema | None
    output_schema: Schema | None
    inline: bool
    description: str

    @property
    def is_async(self) -> bool:
        """Whether the function was declared `async def`."""
        return inspect.iscoroutinefunction(self.function)

    def __call__(self, arguments: Json, context: ActionContext) -> "Json | Awaitable[Json]":
        """Call the function itself, for an author's own tests."""
        return self.function(arguments, context)


class ActionOptions(TypedDict, total=False):
    """What may be said of an action beside its name and effect class."""

    timeout_seconds: float
    rate_group: str
    input_schema: Schema | None
    output_schema: Schema | None
    inline: bool
    description: str


@dataclass(frozen=True, slots=True)
class _Declared:
    full_name: str
    effect_class: EffectClass
    options: ActionOptions = field(default_factory=ActionOptions)

    def __call__(self, function: ActionFunction) -> FunctionAction:
        declared = FunctionAction(
            full_name=self.full_name,
            function=function,
            effect_class=self.effect_class,
            timeout_seconds=self.options.get("timeout_seconds", DEFAULT_TIMEOUT_SECONDS),
            rate_group=self.options.get("rate_group", self.full_name),
            input_schema=self.options.get("input_schema"),
            output_schema=self.options.get("output_schema"),
            inline=self.options.get("inline", False),
            description=self.options.get("description") or _first_line(function),
        )
        _check(declared)
        return declared


def action(full_name: str, *, effect_class: EffectClass | str, **options: Unpack[ActionOptions]) -> _Declared:
    """Declare a function `(arguments, context) -> output` as the action `name:version`.

    `async def` runs on the event loop, plain `def` in a thread; `inline=True` runs a plain `def` on the event
    loop itself, for functions that take microseconds and never wait. Actions of one `rate_group` share one
    limit of calls in flight. The schemas are JSON Schemas. Raises ValueError for what cannot be served.
    """
    return _Declared(full_name, EffectClass(effect_class), options)


def _check(declared: FunctionAction) -> None:
    if _FULL_NAME.fullmatch(declared.full_name) is None:
        raise ValueError(f"{declared.full_name!r} is not of the form name:1.0.0")
    if declared.inline and declared.is_async:
        raise ValueError(f"{declared.full_name}: an async function cannot be inline")
    if declared.timeout_seconds <= 0:
        raise ValueError(f"{declared.full_name}: timeout_seconds must be positive")


def _first_line(function: ActionFunction) -> str:
    return (inspect.getdoc(function) or "").partition("\n")[0]
