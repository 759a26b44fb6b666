"""`call: openapi`, compiled: an operation and the parameters of the call as the arguments of an HTTP call."""

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from tidemill.dsl import DocumentError
from tidemill.dsl.pointers import child
from tidemill.dsl.problems import refusal
from tidemill.engine.core.authentications import Authentication
from tidemill.engine.core.endpoints import policy
from tidemill.engine.core.evaluation import Evaluator
from tidemill.engine.core.faults import fault
from tidemill.engine.core.openapi.bodies import BodyWriter
from tidemill.engine.core.openapi.document import OpenApiDocument
from tidemill.engine.core.openapi.operations import Operation, read_operation
from tidemill.engine.core.openapi.styles import (
    In,
    Parameter,
    form_pairs,
    header_text,
    joined,
    path_text,
    query_text,
)
from tidemill.engine.core.referring import members
from tidemill.engine.core.secrets import SecretTexts
from tidemill.expressions import Template
from tidemill.json import Json

if TYPE_CHECKING:
    from tidemill.engine.core.compiler import Compiler

_GAP: Final = re.compile(r"\{([^{}]*)\}")
# What may stand in a path, and escapes that are there already.
_PATH_SAFE: Final = "/%:@!$&'()*+,;=~-._"
# What a cookie's value may hold.
_COOKIE_SAFE: Final = "!#$&'()*+-./:<=>?@[]^_`{|}~"
_MEMBERS: Final[Mapping[In, str]] = {In.QUERY: "/query", In.HEADER: "/headers", In.FORM: "/body"}


class OpenApiRequest:
    """A call of an operation: the arguments are those of an HTTP call."""

    __slots__ = ("_authentication", "_body", "_operation", "_options", "_parameters", "_secret", "secrets")

    action = "http"
    # What a required parameter lacks is an error of the run, also where every value is known before.
    is_constant = False

    def __init__(self, given: Mapping[str, Json], pointer: str, compiler: "Compiler") -> None:
        """Raises DocumentError, for an operation too that is not in the document or cannot be called."""
        self._operation = _operation(given, pointer, compiler)
        self.secrets = SecretTexts()
        written = members(given.get("parameters"))
        place = f"{pointer}/parameters"
        self._body = BodyWriter(self._operation, written, place)
        # Of a query, those that are secrets: they are put in by name, and so not yet in the URI.
        self._secret: set[str] = set()
        taken = {name: self._take_out(name, value, place) for name, value in written.items()}
        self._parameters: Template = compiler.template(taken, place)
        self._authentication = self._compiled_policy(given.get("authentication"), pointer, compiler)
        self._options = {name: given[name] for name in ("output", "redirect") if name in given}

    def arguments(self, evaluator: Evaluator, value: Json, variables: Mapping[str, Json]) -> Json:
        """The arguments of the HTTP call for a transformed input. May raise one of FAULTS."""
        values = members(evaluator.evaluate(self._parameters, value, variables))
        self._refuse_missing(values)
        endpoint: Json = self._uri(values)
        if self._authentication is not None:
            authentication = self._authentication.resolve(evaluator, value, variables)
            endpoint = {"uri": endpoint, "authentication": authentication}
        body = self._body.value(values)
        arguments: dict[str, Json] = {"method": self._operation.method, "endpoint": endpoint, **self._options}
        if headers := self._headers(values, has_body=body is not None):
            arguments["headers"] = headers
        if self._secret:
            arguments["query"] = {name: values[name] for name in sorted(self._secret)}
        if body is not None:
            arguments["body"] = body
        return arguments

    def _take_out(self, name: str, value: Json, pointer: str) -> Json:
        """The value of a parameter, with the placeholder for its secrets: these belong to where it goes."""
        targets = [one for one in self._operation.parameters if one.name == name]
        if not targets:
            return self.secrets.take_out(value, self._body.pointer(name))
        plain = SecretTexts().take_out(value)
        if plain == value:
            return value
        for target in targets:
            holder = _MEMBERS.get(target.place)
            if holder is None or not isinstance(value, str):
                raise refusal(
                    "a secret can be the text of a query, header or form parameter, or stand in the body",
                    child(pointer, name),
                )
            self.secrets.take_out(value, child(holder, name))
            if target.place is In.QUERY:
                self._secret.add(name)
        return plain

    def _compiled_policy(self, given: Json, pointer: str, compiler: "Compiler") -> Authentication | None:
        if given is None:
            return None
        place = f"{pointer}/authentication"
        taken = self.secrets.take_out(policy(given, place, compiler), "/endpoint/authentication")
        assert isinstance(taken, dict), "a policy is an object"
        return Authentication(taken, place, compiler)

    def _refuse_missing(self, values: Mapping[str, Json]) -> None:
        for parameter in self._operation.parameters:
            if parameter.required and values.get(parameter.name) is None:
                detail = f"the {parameter.place.value} parameter `{parameter.name}` is required"
                raise fault("validation", detail)

    def _given(self, place: In, values: Mapping[str, Json]) -> Iterator[tuple[Parameter, Json]]:
        for parameter in self._operation.parameters:
            if parameter.place is place and values.get(parameter.name) is not None:
                yield parameter, values[parameter.name]

    def _uri(self, values: Mapping[str, Json]) -> str:
        texts = {one.name: path_text(one, value) for one, value in self._given(In.PATH, values)}
        parts = _GAP.split(self._operation.path)
        # Texts and names in turn.
        path = joined(
            (texts[part] if at % 2 else quote(part, safe=_PATH_SAFE) for at, part in enumerate(parts)), ""
        )
        written = (
            query_text(one, value)
            for one, value in self._given(In.QUERY, values)
            if one.name not in self._secret
        )
        query = joined(written, "&")
        return f"{self._operation.server}{path}" + (f"?{query}" if query else "")

    def _headers(self, values: Mapping[str, Json], *, has_body: bool) -> dict[str, Json]:
        headers: dict[str, Json] = {"accept": self._operation.accept} if self._operation.accept else {}
        if has_body and (content_type := self._body.content_type):
            headers["content-type"] = content_type
        pairs = (
            f"{name}={quote(text, safe=_COOKIE_SAFE)}"
            for one, value in self._given(In.COOKIE, values)
            for name, text in form_pairs(one, value)
        )
        if cookies := joined(pairs, "; "):
            headers["cookie"] = cookies
        for one, value in self._given(In.HEADER, values):
            # The two that are here already are known by their names in lower case.
            name = one.name.lower() if one.name.lower() in ("accept", "content-type", "cookie") else one.name
            headers[name] = header_text(one, value)
        return headers


def _operation(given: Mapping[str, Json], pointer: str, compiler: "Compiler") -> Operation:
    resource = given.get("document")
    document = compiler.documents.read(resource, OpenApiDocument, f"{pointer}/document/endpoint")
    place = f"{pointer}/operationId"
    try:
        operation = read_operation(document, str(given.get("operationId")))
    except DocumentError as error:
        raise refusal(f"{document.uri}: {error.problems[0].message}", place) from None
    known = {one.name for one in operation.parameters if one.place is In.PATH}
    gaps = _GAP.findall(operation.path)
    for name in gaps:
        if name not in known:
            raise refusal(f"{document.uri}: `{{{name:.80}}}` in its path is no parameter", place)
        if gaps.count(name) > 1:
            raise refusal(f"{document.uri}: `{{{name:.80}}}` stands twice in its path", place)
    return operation
