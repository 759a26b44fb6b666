"""The body of an operation, made of the parameters of the call that go nowhere else."""

from collections.abc import Mapping
from typing import Final

from tidemill.dsl.pointers import child
from tidemill.dsl.problems import refusal
from tidemill.engine.core.faults import fault
from tidemill.engine.core.openapi.operations import MULTIPART_TYPE, Operation, is_json
from tidemill.engine.core.openapi.styles import In, form_pairs
from tidemill.json import Json, dumps

WHOLE: Final = "body"
_KNOWN_MAX: Final = 20


class BodyWriter:
    """Either one parameter is the body as a whole, or all that the document does not name are its members."""

    __slots__ = ("_names", "_operation", "_whole", "content_type")

    def __init__(self, operation: Operation, written: Mapping[str, Json], pointer: str) -> None:
        """Raises DocumentError for a parameter that has no place, and for a body that cannot be sent."""
        declared = {one.name for one in operation.parameters}
        others = [name for name in written if name not in declared]
        body = operation.body
        self._operation = operation
        # Empty where none is the whole body.
        self._whole = next((name for name in (WHOLE, body.name if body else WHOLE) if name in others), "")
        self._names = [] if self._whole else others
        self.content_type = body.media_type if body and "*" not in body.media_type else ""
        if others and (body is None or any(one.place is In.FORM for one in operation.parameters)):
            raise refusal(_unknown(others[0], sorted(declared)), child(pointer, others[0]))
        if self._whole and len(others) > 1:
            extra = next(name for name in others if name != self._whole)
            raise refusal(
                f"`{self._whole}` is the whole body already; put this into it", child(pointer, extra)
            )
        has_fields = any(one.place is In.FORM and one.name in written for one in operation.parameters)
        if body and body.media_type.startswith("multipart/") and (others or has_fields or body.required):
            raise refusal(f"the operation takes `{MULTIPART_TYPE}`, which cannot be sent", pointer)

    def pointer(self, name: str) -> str:
        """Where a parameter that the document does not name stands in the arguments."""
        return f"/{WHOLE}" if name == self._whole else child(f"/{WHOLE}", name)

    def value(self, values: Mapping[str, Json]) -> Json:
        """The body for the values of the parameters, None for none. May raise one of FAULTS."""
        body = self._operation.body
        if body is None:
            return None
        made = self._made(values)
        if made is None and body.required:
            raise fault("validation", "the body is required")
        if isinstance(made, str) and is_json(body.media_type):
            # Texts are sent as they are, and this one is a value.
            return dumps(made).decode()
        return made

    def _made(self, values: Mapping[str, Json]) -> Json:
        if self._whole:
            return values.get(self._whole)
        if self._names:
            return {name: values.get(name) for name in self._names}
        fields: dict[str, Json] = {}
        for one in self._operation.parameters:
            if one.place is In.FORM and values.get(one.name) is not None:
                texts: list[Json] = [text for _, text in form_pairs(one, values[one.name])]
                fields[one.name] = texts[0] if len(texts) == 1 else texts
        return fields or None


def _unknown(name: str, known: list[str]) -> str:
    listed = ", ".join(f"`{one:.80}`" for one in known[:_KNOWN_MAX]) or "none"
    return f"the operation has no parameter `{name:.80}` and no body; its parameters are {listed}"
