"""An operation as calls need it, the same for both versions of the language of its document."""

from collections.abc import Iterator, Mapping
from itertools import chain, islice
from typing import Final

from tidemill.dsl.problems import refusal
from tidemill.engine.core.openapi.document import Found, OpenApiDocument
from tidemill.engine.core.openapi.servers import server_of
from tidemill.engine.core.openapi.styles import In, Parameter, Style
from tidemill.engine.core.referring import members, objects
from tidemill.json import Json
from tidemill.values import value as frozen

PARAMETERS_MAX: Final = 256
# It may stand before each of many values.
NAME_CHARACTERS_MAX: Final = 256
_MEDIA_TYPES_MAX: Final = 64
_RESPONSES_MAX: Final = 64

JSON_TYPE: Final = "application/json"
FORM_TYPE: Final = "application/x-www-form-urlencoded"
MULTIPART_TYPE: Final = "multipart/form-data"
# Documents name them in vain, says the specification: they are the caller's matter.
_NOT_REQUIRED: Final = frozenset({"accept", "authorization", "content-type"})
_STYLES: Final[Mapping[str, tuple[Style, str]]] = {
    "simple": (Style.SIMPLE, ","),
    "label": (Style.LABEL, ","),
    "matrix": (Style.MATRIX, ","),
    "form": (Style.FORM, ","),
    "spaceDelimited": (Style.DELIMITED, " "),
    "pipeDelimited": (Style.DELIMITED, "|"),
    "deepObject": (Style.DEEP_OBJECT, ","),
}
_DEFAULT_STYLES: Final[Mapping[In, str]] = {
    In.PATH: "simple", In.HEADER: "simple", In.QUERY: "form", In.COOKIE: "form", In.FORM: "form",
}  # fmt: skip
_COLLECTION_DELIMITERS: Final[Mapping[str, str]] = {"csv": ",", "ssv": " ", "tsv": "\t", "pipes": "|"}


@frozen
class Body:
    """The body that an operation takes: its media type, and the name that a 2.0 document has for it."""

    media_type: str
    required: bool
    name: str = "body"


@frozen
class Operation:
    """One operation; `accept` is the JSON type that it answers with, empty where it has none."""

    method: str
    server: str
    path: str
    parameters: tuple[Parameter, ...]
    body: Body | None
    accept: str


def read_operation(document: OpenApiDocument, operation_id: str) -> Operation:
    """The operation of an id; raises DocumentError for what is not there, or cannot be called."""
    found = document.find(operation_id)
    described = list(_parameters(document, found))
    parameters = tuple(
        _parameter(document, one) for one in described if str(one.get("in")) in _PLACES and "name" in one
    )
    body = _swagger_body(document, found, described) if document.is_swagger else _body(document, found)
    return Operation(
        method=found.method,
        server=server_of(document, found),
        path=found.path,
        parameters=parameters,
        body=body,
        accept=_accept(document, found),
    )


_PLACES: Final = frozenset(place.value for place in In)


def _parameters(document: OpenApiDocument, found: Found) -> Iterator[Mapping[str, Json]]:
    """Those of the path and of the operation, which come in the place of the path's."""
    own = [document.resolve(one) for one in objects(found.operation.get("parameters"), PARAMETERS_MAX)]
    replaced = {_identity(one) for one in own}
    shared = (document.resolve(one) for one in objects(found.item.get("parameters"), PARAMETERS_MAX))
    kept = (one for one in shared if _identity(one) not in replaced)
    return islice(chain(kept, own), PARAMETERS_MAX)


def _identity(given: Mapping[str, Json]) -> tuple[str, str]:
    return str(given.get("name")), str(given.get("in"))


def _parameter(document: OpenApiDocument, given: Mapping[str, Json]) -> Parameter:
    name, place = str(given["name"]), In(str(given["in"]))
    if len(name) > NAME_CHARACTERS_MAX:
        raise refusal(
            f"the name of a parameter, `{name:.80}`, has more than {NAME_CHARACTERS_MAX} characters"
        )
    is_known_header = place is In.HEADER and name.lower() in _NOT_REQUIRED
    required = (given.get("required") is True or place is In.PATH) and not is_known_header
    if document.is_swagger:
        return _swagger_parameter(name, place, given, required=required)
    if "content" in given:
        return Parameter(name, place, required, Style.JSON, explode=False)
    style = str(given.get("style", _DEFAULT_STYLES[place]))
    if style not in _STYLES:
        raise refusal(f"the parameter `{name:.80}` has the style `{style:.40}`, which is not known")
    kind, delimiter = _STYLES[style]
    explode = given.get("explode", kind is Style.FORM) is True
    allow_reserved = given.get("allowReserved") is True
    return Parameter(name, place, required, kind, explode, delimiter, allow_reserved)


def _swagger_parameter(name: str, place: In, given: Mapping[str, Json], *, required: bool) -> Parameter:
    if given.get("type") == "file":
        raise refusal(f"the parameter `{name:.80}` is a file, and files cannot be sent")
    style = _STYLES[_DEFAULT_STYLES[place]][0]
    collection = str(given.get("collectionFormat", "csv"))
    delimiter = _COLLECTION_DELIMITERS.get(collection, ",")
    return Parameter(name, place, required, style, collection == "multi", delimiter)


def _body(document: OpenApiDocument, found: Found) -> Body | None:
    given = document.resolve(found.operation.get("requestBody"))
    content = members(given.get("content"))
    if not content:
        return None
    return Body(_media_type(islice(content, _MEDIA_TYPES_MAX)), given.get("required") is True)


def _swagger_body(
    document: OpenApiDocument, found: Found, described: list[Mapping[str, Json]]
) -> Body | None:
    consumes = found.operation.get("consumes", document.members.get("consumes"))
    types = [str(one) for one in objects(consumes, _MEDIA_TYPES_MAX)]
    for one in described:
        if one.get("in") == "body":
            media_type = _media_type(iter(types or [JSON_TYPE]))
            return Body(media_type, one.get("required") is True, str(one.get("name", "body")))
    if not any(one.get("in") == In.FORM.value for one in described):
        return None
    # The fields are parameters of their own; what they make is sent as a form wherever that is taken.
    only_multipart = bool(types) and FORM_TYPE not in types and MULTIPART_TYPE in types
    return Body(MULTIPART_TYPE if only_multipart else FORM_TYPE, required=False)


def _media_type(types: Iterator[str]) -> str:
    """The type to send: JSON if it is taken, else a form, else the first that is not in several parts."""
    known = list(types)
    for fits in (is_json, _is_form, _is_whole):
        for media_type in known:
            if fits(media_type):
                return JSON_TYPE if media_type == "*/*" else media_type
    return known[0]


def is_json(media_type: str) -> bool:
    """Whether values of the type are JSON; what takes everything takes it too."""
    bare = media_type.partition(";")[0].strip().lower()
    return bare in (JSON_TYPE, "*/*") or bare.endswith("+json")


def _is_form(media_type: str) -> bool:
    return media_type.partition(";")[0].strip().lower() == FORM_TYPE


def _is_whole(media_type: str) -> bool:
    return not media_type.startswith("multipart/") and "*" not in media_type


def _accept(document: OpenApiDocument, found: Found) -> str:
    """The type of JSON that the operation answers with: many services answer with XML when nobody asks."""
    if document.is_swagger:
        produces = found.operation.get("produces", document.members.get("produces"))
        types = [str(one) for one in objects(produces, _MEDIA_TYPES_MAX)]
    else:
        responses = members(found.operation.get("responses"))
        answers = (document.resolve(responses[code]) for code in islice(responses, _RESPONSES_MAX))
        types = [one for answer in answers for one in members(answer.get("content"))]
    return next((one for one in types if is_json(one) and one != "*/*"), "")
