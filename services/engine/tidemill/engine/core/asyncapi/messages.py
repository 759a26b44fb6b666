"""What a document says of the messages of a channel: their schemas, their types, what correlates them."""

from collections.abc import Iterator, Mapping
from typing import Final

from tidemill.engine.core.asyncapi.document import AsyncApiDocument, Found
from tidemill.engine.core.faults import TaskFaultError, fault
from tidemill.engine.core.schemas import DataSchema
from tidemill.json import Json

JSON_TYPE: Final = "application/json"
# Formats of schemas that are JSON Schema; those in other formats are not looked at.
_FORMATS: Final = (
    "application/vnd.aai.asyncapi",
    "application/schema+json",
    "application/schema+yaml",
)
# What a schema may refer to, beside itself.
_SHARED: Final = ("components", "channels")


class Messages:
    """The messages of a channel. `correlation` is where their correlation id stands, empty for nowhere."""

    __slots__ = ("_forms", "content_type", "correlation")

    def __init__(self, document: AsyncApiDocument, found: Found) -> None:
        """Raises DocumentError, for a schema too that is none."""
        types = [one["contentType"] for one in found.messages if isinstance(one.get("contentType"), str)]
        usual = document.default_content_type or JSON_TYPE
        self.content_type = str(types[0] if types else usual)
        locations = [document.resolve(one.get("correlationId")).get("location") for one in found.messages]
        self.correlation = next((str(location) for location in locations if location), "")
        self._forms = [
            (_schema(document, one, "payload"), _schema(document, one, "headers")) for one in found.messages
        ]

    def check(self, payload: Json, headers: Json) -> None:
        """Raise a validation TaskFaultError unless it is one of the messages; where none is known, any is."""
        first: TaskFaultError | None = None
        for of_payload, of_headers in self._forms:
            try:
                _follow(of_payload, payload, "payload")
                _follow(of_headers, headers, "headers")
            except TaskFaultError as error:
                first = first or error
            else:
                return
        if first is not None:
            raise first


def _follow(schema: DataSchema | None, value: Json, name: str) -> None:
    if schema is None:
        return
    try:
        schema.check(value)
    except TaskFaultError as error:
        raise fault("validation", f"the {name} of the message: {error.problem.detail}") from None


def _schema(document: AsyncApiDocument, message: Mapping[str, Json], member: str) -> DataSchema | None:
    given = message.get(member)
    form = message.get("schemaFormat")
    multi = document.resolve(given)
    if "schemaFormat" in multi and "schema" in multi:
        given, form = multi["schema"], multi["schemaFormat"]
    if given is None or not _is_known(form):
        return None
    if not isinstance(given, dict):
        return DataSchema({"document": given}, "")
    return DataSchema({"document": {**given, **dict(_shared(document))}}, "")


def _is_known(form: Json) -> bool:
    return form is None or (isinstance(form, str) and form.startswith(_FORMATS))


def _shared(document: AsyncApiDocument) -> Iterator[tuple[str, Json]]:
    for name in _SHARED:
        value = document.members.get(name)
        if value is not None:
            yield name, value
