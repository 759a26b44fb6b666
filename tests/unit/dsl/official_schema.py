"""The language's official JSON Schema, and the places where we differ from it on purpose.

Each difference is a change to the schema, made here in memory, so that everything else must agree exactly.
The table in docs/adr/0002-own-schema.md says the same in words.
"""

from typing import Any, Final, TypeAlias

import jsonschema_rs
from ruamel.yaml import YAML

from tests.unit.dsl.shared_data import shared_directory

Schema: TypeAlias = dict[str, Any]

_EXPRESSION: Final = r"^\s*\$\{(?s:.+)\}\s*$"


def read_official_schema() -> Schema:
    schema: Schema = YAML(typ="safe", pure=True).load(shared_directory() / "schema" / "workflow.yaml")
    return schema


def official_validator() -> jsonschema_rs.Draft202012Validator:
    """The schema as published; without formats some of its alternatives would exclude each other."""
    return jsonschema_rs.Draft202012Validator(read_official_schema(), validate_formats=True)


def agreed_validator() -> jsonschema_rs.Draft202012Validator:
    """The published schema with our differences."""
    schema = read_official_schema()
    for change in DIFFERENCES.values():
        change(schema["$defs"])
    return jsonschema_rs.Draft202012Validator(schema, validate_formats=True)


def _expressions_of_several_lines(definitions: Schema) -> None:
    definitions["runtimeExpression"]["pattern"] = _EXPRESSION


def _patterns_in_filters(definitions: Schema) -> None:
    pattern = {"type": "string", "pattern": r"^\^.*\$$"}
    filtered: Schema = {"type": "object", "properties": dict(definitions["eventProperties"]["properties"])}
    for name in ("source", "time", "dataschema"):
        filtered["properties"][name] = {"anyOf": [pattern, filtered["properties"][name]]}
    definitions["eventFilter"]["properties"]["with"] = {**filtered, "minProperties": 1}


def _one_authentication_scheme(definitions: Schema) -> None:
    schemes = ("basic", "bearer", "digest", "oauth2", "oidc")
    pairs = [[a, b] for a in schemes for b in schemes if a < b]
    definitions["authenticationPolicy"]["not"] = {"anyOf": [{"required": pair} for pair in pairs]}


def _version_left_out(definitions: Schema) -> None:
    workflow = definitions["runTask"]["allOf"][1]["properties"]["run"]["oneOf"][3]["properties"]["workflow"]
    workflow["required"].remove("version")


DIFFERENCES: Final = {
    "an expression may run over several lines": _expressions_of_several_lines,
    "a filter may hold a regular expression": _patterns_in_filters,
    "an authentication has one scheme": _one_authentication_scheme,
    "`run.workflow` may leave out the version": _version_left_out,
}
