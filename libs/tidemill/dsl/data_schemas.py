"""The JSON Schemas that authors give for inputs, outputs and context: closed, and without backtracking."""

from typing import Never

import jsonschema_rs

from tidemill.dsl.limits import DATA_SCHEMA_PATTERN_BYTES_MAX
from tidemill.json import Json


def compile_data_schema(document: Json) -> jsonschema_rs.Validator:
    """Compile an inline schema; its dialect is 2020-12 unless it names another.

    Raises ValueError with a plain sentence: not a JSON Schema, a reference that leads outside, a pattern that
    needs backtracking.
    """
    if not isinstance(document, dict | bool):
        raise ValueError("a schema is an object, or true or false")
    try:
        return jsonschema_rs.validator_for(
            document,
            validate_formats=True,
            retriever=_refuse,
            pattern_options=jsonschema_rs.RegexOptions(size_limit=DATA_SCHEMA_PATTERN_BYTES_MAX),
        )
    except (ValueError, jsonschema_rs.ReferencingError) as error:
        raise ValueError(
            f"this is not a schema that can be used: {str(error).splitlines()[0]:.200}"
        ) from None


def _refuse(uri: str) -> Never:
    raise ValueError("schemas may not refer to other documents")


def count_nodes(value: Json) -> int:
    """How many values a value holds, itself included."""
    nodes, waiting = 0, [value]
    while waiting:
        item = waiting.pop()
        nodes += 1
        waiting.extend(item.values() if isinstance(item, dict) else item if isinstance(item, list) else ())
    return nodes
