"""Rules about values: durations, addresses, patterns, times of the clock, data schemas."""

import re
from collections.abc import Iterator
from types import MappingProxyType
from typing import Final

from tidemill.civil.cron import parse_cron
from tidemill.civil.missed import parse_missed_fires
from tidemill.civil.zones import load_zone
from tidemill.dsl import limits
from tidemill.dsl.data_schemas import compile_data_schema, count_nodes
from tidemill.dsl.durations import parse_duration
from tidemill.dsl.patterns import compile_pattern
from tidemill.dsl.problems import Problem
from tidemill.dsl.rules.rule import Check, RuleTable
from tidemill.dsl.walk import Place
from tidemill.expressions import expression_source

_GAP: Final = re.compile(r"\{([^{}]*)\}")
_GAP_NAME: Final = re.compile(r"[^\s+#./;?&=,!@|*:{}][^\s*:{},]*")
_METHOD: Final = re.compile(r"[A-Za-z]+")


def duration(place: Place, _check: Check) -> Iterator[Problem]:
    """Durations are exact."""
    try:
        parse_duration(place.value)
    except ValueError as error:
        yield place.problem(str(error))


def address(place: Place, _check: Check) -> Iterator[Problem]:
    """URI templates have simple gaps only: `{name}`."""
    for gap in _GAP.findall(str(place.value)):
        if not _GAP_NAME.fullmatch(gap):
            yield place.problem(f"`{{{gap:.40}}}` is not a simple gap; URI templates take `{{name}}` only")


def pattern(place: Place, check: Check) -> Iterator[Problem]:
    """A text from `^` to `$` in a filter is a regular expression."""
    check.patterns += 1
    if check.patterns > limits.DOCUMENT_PATTERNS_MAX:
        yield place.problem(f"a document may have {limits.DOCUMENT_PATTERNS_MAX} regular expressions")
        return
    try:
        compile_pattern(str(place.value))
    except ValueError as error:
        yield place.problem(f"this regular expression is not accepted: {error}")


def cron(place: Place, _check: Check) -> Iterator[Problem]:
    """Five fields that some day satisfies."""
    try:
        parse_cron(str(place.value))
    except ValueError as error:
        yield place.problem(str(error))


def zone(place: Place, _check: Check) -> Iterator[Problem]:
    """Time zones have the names of the IANA database."""
    try:
        load_zone(str(place.value))
    except ValueError as error:
        yield place.problem(str(error))


def missed_fires(place: Place, _check: Check) -> Iterator[Problem]:
    """What a schedule makes up for after an outage."""
    try:
        parse_missed_fires(place.value)
    except ValueError as error:
        yield place.problem(str(error))


def method(place: Place, check: Check) -> Iterator[Problem]:
    """HTTP methods are single words."""
    text = str(place.value)
    source = expression_source(text)
    if source is None and not _METHOD.fullmatch(text):
        yield place.problem(f"`{text:.40}` is not an HTTP method")
    fault = "" if source is None else check.compiler.fault(source, place.scope)
    if fault:
        yield place.problem(fault)


def data_schema(place: Place, check: Check) -> Iterator[Problem]:
    """An inline schema is a JSON Schema that stands alone."""
    document = place.value["document"] if isinstance(place.value, dict) else None
    check.data_schema_nodes += count_nodes(document)
    if check.data_schema_nodes > limits.DATA_SCHEMA_NODES_MAX:
        yield place.problem(f"the schemas have more than {limits.DATA_SCHEMA_NODES_MAX} values together")
        return
    try:
        compile_data_schema(document)
    except ValueError as error:
        yield place.problem(str(error))


def count(place: Place, _check: Check) -> Iterator[Problem]:
    """Amounts are not negative."""
    if isinstance(place.value, int | float) and place.value < 0:
        yield place.problem(f"`{place.key}` must not be negative")


RULES: Final[RuleTable] = MappingProxyType(
    {
        "ISO duration": duration,
        "duration object": duration,
        "plain address": address,
        "pattern": pattern,
        "cron": cron,
        "time zone": zone,
        "missed fires": missed_fires,
        "http method": method,
        "inline data schema": data_schema,
        "retry count": count,
    }
)
