"""Secrets in the requests of calls: where they belong, never what they are, which only Actions know."""

from collections.abc import Mapping
from typing import Final, TypeAlias

from tidemill.dsl.pointers import child
from tidemill.dsl.secrets import parts_of, uses_secrets
from tidemill.engine.core.evaluation import Evaluator
from tidemill.expressions import Expression, expression_source, syntax
from tidemill.json import Json, dumps
from tidemill.values import value

# What stands in the recorded arguments where a secret is put in.
PLACEHOLDER: Final = "(secret)"


@value
class SecretPath:
    """A secret by its name, or what stands in it under these keys."""

    name: str
    keys: tuple[str, ...] = ()


@value
class SecretUse:
    """A value of the arguments, by its JSON pointer: one secret as it is, or texts and secrets in a row."""

    pointer: str
    parts: tuple[str | SecretPath, ...]


_Part: TypeAlias = str | SecretPath | Expression


class SecretTexts:
    """The values with secrets of one `with`, compiled."""

    __slots__ = ("_texts",)

    def __init__(self) -> None:
        self._texts: list[tuple[str, tuple[_Part, ...]]] = []

    @property
    def is_constant(self) -> bool:
        """Whether nothing in them depends on the input."""
        return not any(isinstance(part, Expression) for _, parts in self._texts for part in parts)

    def take_out(self, value: Json, pointer: str = "") -> Json:
        """The value with the placeholder in the place of each text that uses secrets, which is kept here."""
        match value:
            case str():
                source = expression_source(value)
                if source is None or not uses_secrets(source):
                    return value
                self._texts.append((pointer, tuple(map(_compile, parts_of(source)))))
                return PLACEHOLDER
            case dict():
                return {key: self.take_out(item, child(pointer, key)) for key, item in value.items()}
            case list():
                return [self.take_out(item, child(pointer, str(at))) for at, item in enumerate(value)]
            case _:
                return value

    def uses(self, evaluator: Evaluator, value: Json, variables: Mapping[str, Json]) -> tuple[SecretUse, ...]:
        """What the Action service has to put in for a transformed input. May raise one of FAULTS."""
        if not self._texts:
            return ()
        return tuple(
            SecretUse(pointer, tuple(_resolve(part, evaluator, value, variables) for part in parts))
            for pointer, parts in self._texts
        )


def reference(name: str) -> str:
    """The expression that stands for a whole secret."""
    return f"${{ $secrets[{dumps(name).decode()}] }}"


def _compile(part: str | tuple[str, ...] | syntax.Node) -> _Part:
    match part:
        case str():
            return part
        case tuple():
            return SecretPath(part[0], part[1:])
        case _:
            # As a text of this gap alone, so that what is no string becomes one as in every other text.
            return Expression("a gap of a text", None, tree=syntax.Text("text", (part,)))


def _resolve(
    part: _Part, evaluator: Evaluator, value: Json, variables: Mapping[str, Json]
) -> str | SecretPath:
    return str(evaluator.evaluate(part, value, variables)) if isinstance(part, Expression) else part
