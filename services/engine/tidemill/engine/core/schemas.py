"""JSON Schemas of a plan, compiled once. The validator is a pure function in native code: it does no IO."""

from typing import Final

from tidemill.dsl import compile_data_schema
from tidemill.dsl.problems import refusal
from tidemill.engine.core.faults import fault
from tidemill.json import Json

_DETAIL_CHARACTERS_MAX: Final = 1_000


class DataSchema:
    """A schema that data has to follow."""

    __slots__ = ("_validator",)

    def __init__(self, definition: Json, pointer: str) -> None:
        """Compile an inline schema; raises DocumentError."""
        if not isinstance(definition, dict) or "document" not in definition:
            raise refusal("a schema has an inline `document` or a `resource`", pointer)
        try:
            self._validator = compile_data_schema(definition["document"])
        except ValueError as error:
            raise refusal(str(error), f"{pointer}/document") from None

    def check(self, value: Json) -> None:
        """Raise a validation TaskFaultError unless the value follows the schema."""
        if self._validator.is_valid(value):
            return
        first = next(iter(self._validator.iter_errors(value)))
        place = "".join(f"/{step}" for step in first.instance_path)
        raise fault("validation", f"{first.message} (at {place or '/'})"[:_DETAIL_CHARACTERS_MAX])


def fetched_schema(value: Json, _uri: str) -> DataSchema:
    """The schema that a document from outside is; raises DocumentError."""
    return DataSchema({"document": value}, "")
