"""The actions that this service can run, by name."""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field

from tidemill.action_kit import EffectClass
from tidemill.actions.core.model import Call, Outcome

RunCall = Callable[[Call], Awaitable[Outcome]]
RunInline = Callable[[Call], Outcome]


class NotDeliveredError(Exception):
    """Raised by an action whose effect was not made for want of a part of Tidemill: it is sent again."""


class DuplicateActionError(ValueError):
    """Two actions have the same name and version."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionSpec:
    """What an action declares. Schemas are JSON as bytes, empty when anything goes."""

    name: str
    version: str = ""
    effect_class: EffectClass
    timeout_us: int
    rate_group: str
    input_schema: bytes = b""
    output_schema: bytes = b""
    description: str = ""

    @property
    def full_name(self) -> str:
        """The name that calls use: `name:version`, or the bare name of a built-in one."""
        return f"{self.name}:{self.version}" if self.version else self.name


@dataclass(frozen=True, slots=True)
class Action:
    """An action: `run` waits, on the event loop; `run_inline`, where there is one, takes microseconds.

    Both answer with the outcome, and raise NotDeliveredError alone.
    """

    spec: ActionSpec
    run: RunCall
    run_inline: RunInline | None = None

    is_pure: bool = field(init=False)

    def __post_init__(self) -> None:
        # Asked several times a call: whether the ledger keeps nothing of it.
        object.__setattr__(self, "is_pure", self.spec.effect_class is EffectClass.PURE)


class Registry:
    """Actions by full name. Raises DuplicateActionError."""

    def __init__(self, actions: Iterable[Action]) -> None:
        self._actions: dict[str, Action] = {}
        for action in actions:
            if action.spec.full_name in self._actions:
                raise DuplicateActionError(f"the action {action.spec.full_name} is registered twice")
            self._actions[action.spec.full_name] = action

    def find(self, full_name: str) -> Action | None:
        """The action, or None when none has this name."""
        return self._actions.get(full_name)

    def all(self) -> list[ActionSpec]:
        """What there is, by full name."""
        return [self._actions[name].spec for name in sorted(self._actions)]
