"""Rules about names that stand for something else: components of `use`, functions, catalogs."""

import re
from collections.abc import Iterator
from types import MappingProxyType
from typing import Final

from tidemill.dsl import limits
from tidemill.dsl.default_catalog import DEFAULT_CATALOG, DEFAULT_FUNCTIONS
from tidemill.dsl.function_calls import is_function_uri, versioned
from tidemill.dsl.outside_uris import function_fault
from tidemill.dsl.problems import Problem
from tidemill.dsl.references import UnknownReferenceError, lookup, section
from tidemill.dsl.rules.expressions import EXPRESSION_RULES
from tidemill.dsl.rules.rule import Check, Rule, RuleTable
from tidemill.dsl.shapes import PROTOCOLS
from tidemill.dsl.shapes.values import SEMANTIC_VERSION
from tidemill.dsl.walk import Place, places_of

# One segment of a path, so that it cannot lead out of its catalog.
_CATALOGED_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_SEMANTIC_VERSION: Final = re.compile(SEMANTIC_VERSION)


def _named(section_name: str, shape: str = "") -> Rule:
    """The rule of a name in a section; what stands there must compile with the variables known here."""

    def rule(place: Place, check: Check) -> Iterator[Problem]:
        try:
            component = lookup(check.document, section_name, str(place.value))
        except UnknownReferenceError as unknown:
            yield place.problem(str(unknown))
            return
        seen = (section_name, place.value, place.scope.variables, place.scope.secrets)
        if not shape or place.scope.shared or seen in check.seen_references:
            return
        check.seen_references.add(seen)
        for part in places_of(shape, component, place.pointer, place.scope):
            if not check.compiler.spend(1):
                yield place.problem("the references of this document stand for too much")
                return
            expressions = EXPRESSION_RULES.get(part.level.name)
            for problem in expressions(part, check) if expressions and part.sound else ():
                if problem.severity == "error":
                    yield place.problem(f"`{place.value}` does not fit here: {problem.message}")

    return rule


def function(place: Place, check: Check) -> Iterator[Problem]:
    """A call is a protocol, a function of `use`, an action `name:version`, one of a catalog, or a URL."""
    call = str(place.value)
    functions = section(check.document, "functions")
    if call in PROTOCOLS or call in functions:
        return
    if is_function_uri(call):
        yield from _function_of_a_uri(place, check, call)
        return
    match = versioned(call)
    if match is None:
        if call.lower() in PROTOCOLS:
            yield place.problem(f"`{call}` is not known; did you mean `{call.lower()}`?")
        else:
            yield place.problem(
                f"`{call:.80}` is neither a protocol ({', '.join(PROTOCOLS)}) nor in `use.functions`; "
                "an action is called as `name:version`, such as `sendEmail:1.0.0`"
            )
    elif not _SEMANTIC_VERSION.fullmatch(match["version"]):
        yield place.problem(
            f"`{match['version']:.40}` is not a version; write all three numbers, such as `1.0.0`"
        )
    elif match["catalog"] is not None:
        yield from _catalog_function(place, check, match)


def _function_of_a_uri(place: Place, check: Check, uri: str) -> Iterator[Problem]:
    if len(uri) > limits.KEY_CHARACTERS_MAX:
        yield place.problem(f"the URI of a function may have {limits.KEY_CHARACTERS_MAX} characters")
    elif fault := function_fault(uri, check.base):
        yield place.problem(fault)


def _catalog_function(place: Place, check: Check, match: "re.Match[str]") -> Iterator[Problem]:
    catalogs = section(check.document, "catalogs")
    name, version, catalog = match["name"], match["version"], match["catalog"]
    if catalog in catalogs:
        if not _CATALOGED_NAME.fullmatch(name):
            yield place.problem(f"`{name:.80}` is not the name of a function of a catalog: a name has no `/`")
    elif catalog != DEFAULT_CATALOG:
        known = ", ".join(f"`{key}`" for key in (DEFAULT_CATALOG, *catalogs))
        yield place.problem(f"`{catalog:.80}` is not a catalog; there are {known}")
    elif version not in DEFAULT_FUNCTIONS.get(name, ()):
        functions = ", ".join(
            f"`{key}:{value}`" for key, values in DEFAULT_FUNCTIONS.items() for value in values
        )
        yield place.problem(f"the default catalog has no `{name:.80}:{version:.40}`; it has {functions}")


RULES: Final[RuleTable] = MappingProxyType(
    {
        "timeout name": _named("timeouts", "timeout"),
        "retry name": _named("retries", "retry policy"),
        "error name": _named("errors", "error"),
        "authentication name": _named("authentications", "named authentication"),
        "secret name": _named("secrets"),
        "function name": function,
    }
)
