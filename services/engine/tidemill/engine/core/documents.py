"""The documents from outside that a definition names, as they were when it was published."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final, NamedTuple, TypeVar, cast

from tidemill.dsl import DocumentError
from tidemill.dsl.bounds import text_fault
from tidemill.dsl.limits import YAML_BYTES_MAX
from tidemill.dsl.outside_uris import resource_uri, whole_uri
from tidemill.dsl.problems import refusal
from tidemill.dsl.yaml_reader import read_yaml
from tidemill.json import Json, JsonError, loads

T = TypeVar("T")

NO_DOCUMENTS: Final[Mapping[str, bytes]] = MappingProxyType({})


class TextLimit(NamedTuple):
    """How large a document of text may be: what such a document is, and the name of the limit."""

    what: str
    name: str
    bytes_max: int


class PinnedDocuments:
    """Contents by URI; each is read once, however many tasks name it."""

    def __init__(self, contents: Mapping[str, bytes] = NO_DOCUMENTS) -> None:
        self._contents = contents
        self._base = ""
        self._read: dict[tuple[str, object], object] = {}

    def beside(self, uri: str) -> "PinnedDocuments":
        """The same documents for the function from outside at a URI, which may name files beside it."""
        other = PinnedDocuments(self._contents)
        other._base = uri
        other._read = self._read
        return other

    def read(self, resource: Json, reader: Callable[[Json, str], T], pointer: str) -> T:
        """What `reader` makes of the JSON or YAML and the URI of a resource; `pointer` is where it is named.

        Raises DocumentError, for whatever a reader refuses too.
        """
        uri = whole_uri(resource_uri(resource), self._base)
        key = (uri, reader)
        if key not in self._read:
            self._read[key] = self._made(uri, reader, pointer)
        return cast("T", self._read[key])

    def text(self, resource: Json, pointer: str, limit: TextLimit) -> str:
        """The text of a resource. Raises DocumentError."""
        uri = whole_uri(resource_uri(resource), self._base)
        content = self._content(uri, pointer)
        if len(content) > limit.bytes_max:
            sentence = f"{limit.what} may have {limit.bytes_max} bytes ({limit.name})"
            raise refusal(f"{uri}: {sentence}", pointer)
        try:
            text = content.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise refusal(f"{uri}: it is not UTF-8 (byte {error.start})", pointer) from None
        if fault := text_fault(text):
            raise refusal(f"{uri}: {fault}", pointer)
        return text

    def _content(self, uri: str, pointer: str) -> bytes:
        content = self._contents.get(uri)
        if content is None:
            raise refusal(f"{uri or 'a document'} has not been fetched", pointer)
        return content

    def _made(self, uri: str, reader: Callable[[Json, str], T], pointer: str) -> T:
        content = self._content(uri, pointer)
        try:
            return reader(read_value(content), uri)
        except (DocumentError, JsonError) as error:
            message = error.problems[0].message if isinstance(error, DocumentError) else error.message
            raise refusal(f"{uri}: {message}", pointer) from None


def read_value(content: bytes) -> Json:
    """JSON where it looks like it, else YAML: that costs much more, and is for what people write.

    Raises DocumentError or JsonError.
    """
    if content.lstrip()[:1] in (b"{", b"["):
        try:
            return loads(content, field="the document")
        except JsonError:
            # YAML in braces is none; of what is neither, the JSON reader's sentence is the better one.
            if len(content) > YAML_BYTES_MAX:
                raise
            return _yaml_or(content)
    return _yaml(content)


def _yaml_or(content: bytes) -> Json:
    try:
        return _yaml(content)
    except DocumentError:
        return loads(content, field="the document")


def _yaml(content: bytes) -> Json:
    if len(content) > YAML_BYTES_MAX:
        raise refusal(f"as YAML it may have {YAML_BYTES_MAX} bytes; a larger one has to be JSON")
    try:
        return read_yaml(content.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise refusal(f"it is not UTF-8 (byte {error.start})") from None
