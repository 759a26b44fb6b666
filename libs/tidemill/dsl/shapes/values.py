"""Shapes of values: names, texts, expressions, addresses, durations."""

from collections.abc import Mapping
from typing import Final

from tidemill.dsl.shapes.shape import (
    ANY,
    Choice,
    Level,
    Shape,
    by_type,
    listing,
    mapping,
    record,
    scalar,
    text,
)
from tidemill.json import Json

_NUMBER: Final = r"[0-9]+(\.[0-9]+)?"
_CLOCK: Final = (
    f"T({_NUMBER}H({_NUMBER}M)?({_NUMBER}S)?|{_NUMBER}M({_NUMBER}S)?|{_NUMBER}S)"  # at least one of the three
)
_ISO_DURATION: Final = f"^P({_NUMBER}Y)?({_NUMBER}M)?({_NUMBER}W)?({_NUMBER}D)?({_CLOCK})?$"
LABEL: Final = "^[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?$"
_HOST: Final = "^[A-Za-z0-9]([A-Za-z0-9.-]{0,61}[A-Za-z0-9])?$"
_INTEGER: Final = "(0|[1-9][0-9]*)"
_PRERELEASE: Final = "(0|[1-9][0-9]*|[0-9]*[A-Za-z-][0-9A-Za-z-]*)"
_BUILD: Final = "[0-9A-Za-z-]+"
SEMANTIC_VERSION: Final = (
    rf"^{_INTEGER}\.{_INTEGER}\.{_INTEGER}(-{_PRERELEASE}(\.{_PRERELEASE})*)?(\+{_BUILD}(\.{_BUILD})*)?$"
)
# An expression may run over several lines.
_EXPRESSION: Final = r"^\s*\$\{(?s:.+)\}\s*$"
_ADDRESS: Final[Mapping[str, Json]] = {
    "type": "string",
    "pattern": r"^\S+$",
    "anyOf": [{"format": "uri-template"}, {"format": "uri-reference"}],
}


def is_expression(value: Json) -> bool:
    """Whether a whole string is an expression in `${ }`."""
    return isinstance(value, str) and value.strip().startswith("${") and value.strip().endswith("}")


def expression_or(name: str, other: str) -> Choice:
    """An expression, or the other shape."""
    return Choice(name, lambda value: "expression" if _starts_expression(value) else other)


def _starts_expression(value: Json) -> bool:
    return isinstance(value, str) and value.lstrip().startswith("${")


def _filter_value(literal: str, *, expression: str) -> Choice:
    def choose(value: Json) -> str:
        if _starts_expression(value):
            return expression
        is_pattern = isinstance(value, str) and value.startswith("^") and value.endswith("$")
        return "pattern" if is_pattern else literal

    return Choice("", choose)


_DURATION_NOUN: Final = "a duration, such as `PT30S`, `{ seconds: 30 }` or an expression `${ ... }`"

SHAPES: Final[Mapping[str, Shape]] = {
    ANY: scalar("any value"),
    "text": text("text"),
    "template text": text("text"),
    "flag": scalar("true or false", type="boolean"),
    "whole number": scalar("a whole number", type="integer"),
    "texts": listing("a list of texts", "text"),
    "template texts": listing("a list of texts", "template text"),
    "open object": mapping("an object", ""),
    # Data of any depth: one rule goes through it as a whole, so it has no shapes below.
    "template object": mapping("an object", ""),
    "filled template object": mapping("an object with at least one member", "", minProperties=1),
    "template": scalar("any value"),
    "template text map": mapping("an object of texts", "template text"),
    "template text map or expression": by_type("", string="expression", other="template text map"),
    "filled template object or text": by_type("", string="template text", other="filled template object"),
    "template object or text": by_type("", string="template text", other="template object"),
    "label": text("a name of letters, digits and inner hyphens, at most 63", pattern=LABEL),
    "semantic version": text("a semantic version, such as `1.0.0`", pattern=SEMANTIC_VERSION),
    "host": text("a host name", pattern=_HOST),
    "port": scalar("a port, 0 to 65535", type="integer", minimum=0, maximum=65535),
    "variable name": text("the name of a variable"),
    "condition": text("an expression"),
    "data expression": text("an expression"),
    "transformation": by_type("", string="data expression", other="transformation object"),
    "transformation object": mapping("an expression or an object", ""),
    "expression": text("an expression in `${ }`", pattern=_EXPRESSION),
    "plain address": scalar("a URI or URI template, such as `https://example.com/pets/{petId}`", **_ADDRESS),
    "address": expression_or("", "plain address"),
    "plain time": text("a time such as `2026-01-31T08:00:00Z`", format="date-time"),
    "time": expression_or("", "plain time"),
    "plain pointer": text("a JSON pointer, such as `/do/0/send`", format="json-pointer"),
    "pointer": expression_or("", "plain pointer"),
    "pattern": text("a regular expression"),
    "address filter": _filter_value("plain address", expression="expression"),
    "time filter": _filter_value("plain time", expression="expression"),
    "text filter": _filter_value("text", expression="template text"),
    "template filter": _filter_value("template", expression="template text"),
    "duration": by_type("", object="duration object", string="duration text", other="duration text"),
    "duration text": expression_or("", "ISO duration"),
    "ISO duration": text(_DURATION_NOUN, minLength=2, pattern=_ISO_DURATION),
    "duration object": record(
        "a duration of `days`, `hours`, `minutes`, `seconds` and `milliseconds`",
        dict.fromkeys(("days", "hours", "minutes", "seconds", "milliseconds"), "whole number"),
        minProperties=1,
    ),
    "timeout": record("a timeout", {"after": "duration"}, required=("after",)),
    "timeout or name": by_type("", string="timeout name", other="timeout"),
    "timeout name": text("the name of a timeout in `use.timeouts`"),
    "input": record("`input`", {"schema": "data schema", "from": "transformation"}),
    "output": record("`output`", {"schema": "data schema", "as": "transformation"}),
    "export": record("`export`", {"schema": "data schema", "as": "transformation"}),
}

__all__ = ["SEMANTIC_VERSION", "SHAPES", "Level", "expression_or", "is_expression"]
