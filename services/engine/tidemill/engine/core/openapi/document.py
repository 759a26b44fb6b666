"""An OpenAPI document, 2.0 or 3.x, read as far as calls need it: its operations by id, and its references."""

from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

from tidemill.dsl.problems import refusal
from tidemill.engine.core.referring import Referring, known_names, members
from tidemill.json import Json

METHODS: Final = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
PATH_CHARACTERS_MAX: Final = 2_048


class Found(NamedTuple):
    """An operation where it stands: its method, its path, the members of both."""

    method: str
    path: str
    item: Mapping[str, Json]
    operation: Mapping[str, Json]


class OpenApiDocument(Referring):
    """One document and where it came from."""

    def __init__(self, value: Json, uri: str) -> None:
        """Raises DocumentError for what is no OpenAPI document of a known version."""
        super().__init__(value)
        self.uri = uri
        version = self.members.get("openapi", self.members.get("swagger"))
        if "openapi" in self.members and str(version).startswith("3."):
            self.is_swagger = False
        elif "swagger" in self.members and str(version) in ("2.0", "2"):
            self.is_swagger = True
        elif version is None:
            raise refusal("it is no OpenAPI document: it has neither `openapi` nor `swagger`")
        else:
            raise refusal(f"it is of version `{version!s:.20}`, and OpenAPI 3.x and Swagger 2.0 can be read")
        self._by_id: dict[str, Found] = {}
        for found in self._operations():
            name = found.operation.get("operationId")
            if isinstance(name, str) and self._by_id.setdefault(name, found) is not found:
                raise refusal(f"the operationId `{name:.80}` stands in it twice")

    def find(self, operation_id: str) -> Found:
        """The operation of an id; raises DocumentError, with some that there are."""
        found = self._by_id.get(operation_id)
        if found is None:
            known = known_names(operation_id, self._by_id) or "none of its operations has an operationId"
            raise refusal(f"there is no operation `{operation_id:.80}`; {known}")
        if len(found.path) > PATH_CHARACTERS_MAX:
            raise refusal(f"its path has more than {PATH_CHARACTERS_MAX} characters")
        return found

    def _operations(self) -> Iterator[Found]:
        for path, given in members(self.members.get("paths")).items():
            item = self.resolve(given)
            for method in METHODS:
                operation = item.get(method)
                if isinstance(operation, dict):
                    yield Found(method, path, item, operation)
