"""Builds JSON values from YAML events, counting as it goes, so that hostile text stops early."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from tidemill.dsl import limits
from tidemill.dsl.pointers import child
from tidemill.dsl.problems import DocumentError, refusal
from tidemill.dsl.yaml_scalars import resolve_plain, resolve_tagged
from tidemill.json import Json

_COLLECTION_TAGS: Final = frozenset({None, "!", "tag:yaml.org,2002:map", "tag:yaml.org,2002:seq"})


def read_yaml(source: str) -> Json:
    """Read one YAML 1.2 document. Raises DocumentError with line, column and, where there is one, pointer."""
    builder = _Builder()
    try:
        for event in _events(source):
            builder.take(event)
    except YAMLError as error:
        raise refusal(_sentence(error)) from None
    except RecursionError:
        raise refusal("the document is nested too deeply") from None
    if builder.documents == 0 or not builder.complete:
        raise refusal("the document is empty")
    return builder.root


def _events(source: str) -> Iterator[Event]:
    parser: Iterator[Event] = YAML(typ="safe", pure=True).parse(source)
    while True:
        try:
            event = next(parser)
        except StopIteration:
            return
        except (ValueError, OverflowError, IndexError, TypeError, AttributeError) as error:
            # The reader trips over some malformed escapes and directives instead of refusing them.
            raise YAMLError(f"the text is not YAML ({error})") from None
        yield event


def _sentence(error: YAMLError) -> str:
    problem = getattr(error, "problem", None) or str(error).splitlines()[0]
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    place = f", at {mark.line + 1}:{mark.column + 1}" if mark else ""
    return f"the document is not YAML: {problem:.200}{place}"


@dataclass(slots=True)
class _Collection:
    """An object or array that is still being read."""

    value: dict[str, Json] | list[Json]
    pointer: str
    anchor: str | None
    nodes_before: int
    key: str | None = None
    levels: int = 0


@dataclass(frozen=True, slots=True)
class _Anchored:
    """A finished value that aliases may name, with what one more copy of it costs."""

    value: Json
    nodes: int
    levels: int


@dataclass(slots=True)
class _Builder:
    root: Json = None
    complete: bool = False
    documents: int = 0
    nodes: int = 0
    open: list[_Collection] = field(default_factory=list)
    anchors: dict[str, _Anchored | None] = field(default_factory=dict)

    def take(self, event: Event) -> None:
        """Fold one event in; kinds that carry nothing are passed over."""
        match event:
            case DocumentStartEvent():
                self.start_document(event)
            case ScalarEvent():
                self.scalar(event)
            case MappingStartEvent() | SequenceStartEvent():
                self.start_collection(event)
            case MappingEndEvent() | SequenceEndEvent():
                self.end_collection()
            case AliasEvent():
                self.alias(event)
            case _:
                pass

    def start_document(self, event: DocumentStartEvent) -> None:
        self.documents += 1
        if self.documents > 1:
            raise self.refuse("the text holds more than one document", event)
        if event.version and tuple(event.version) != (1, 2):
            raise self.refuse("documents are YAML 1.2", event)

    def scalar(self, event: ScalarEvent) -> None:
        if self._awaits_key():
            self._take_key(event)
            return
        self._count(event, nodes=1)
        try:
            value = self._resolve(event)
        except ValueError as error:
            raise self.refuse(str(error), event) from None
        self._remember(event.anchor, _Anchored(value, 1, 0))
        self._place(value, levels=0)

    @staticmethod
    def _resolve(event: ScalarEvent) -> Json:
        if event.tag:
            return resolve_tagged(str(event.tag), event.value)
        return resolve_plain(event.value) if event.implicit[0] else str(event.value)

    def _take_key(self, event: ScalarEvent) -> None:
        collection = self.open[-1]
        key = str(event.value)
        if event.anchor or event.tag not in (None, "!", "tag:yaml.org,2002:str"):
            raise self.refuse(f"the key `{key:.80}` must be plain text", event)
        if event.implicit[0] and key in ("", "<<"):
            what = "a key is missing" if not key else "merge keys (`<<`) are not part of YAML 1.2"
            raise self.refuse(what, event)
        if key in collection.value:
            raise self.refuse(f"the key `{key:.80}` is given twice", event)
        collection.key = key

    def start_collection(self, event: MappingStartEvent | SequenceStartEvent) -> None:
        if self._awaits_key():
            raise self.refuse("a key must be plain text", event)
        if event.tag not in _COLLECTION_TAGS:
            raise self.refuse(
                f"the tag `{event.tag!s:.80}` is not known; documents hold plain JSON values", event
            )
        if len(self.open) >= limits.DOCUMENT_LEVELS_MAX:
            raise self.refuse(
                f"the document is nested deeper than {limits.DOCUMENT_LEVELS_MAX} levels", event
            )
        if event.anchor:
            self.anchors[event.anchor] = None
        value: dict[str, Json] | list[Json] = {} if isinstance(event, MappingStartEvent) else []
        self.open.append(_Collection(value, self._pointer(), event.anchor, self.nodes))
        self._count(event, nodes=1)

    def end_collection(self) -> None:
        done = self.open.pop()
        self._remember(done.anchor, _Anchored(done.value, self.nodes - done.nodes_before, done.levels))
        self._place(done.value, levels=done.levels + 1)

    def alias(self, event: AliasEvent) -> None:
        if self._awaits_key():
            raise self.refuse("a key must be plain text", event)
        anchored = self.anchors.get(event.anchor)
        if anchored is None:
            why = "stands inside itself" if event.anchor in self.anchors else "is not defined"
            raise self.refuse(f"the alias `*{event.anchor:.80}` {why}", event)
        if len(self.open) + anchored.levels > limits.DOCUMENT_LEVELS_MAX:
            raise self.refuse(
                f"the document is nested deeper than {limits.DOCUMENT_LEVELS_MAX} levels", event
            )
        self._count(event, nodes=anchored.nodes)
        self._place(anchored.value, levels=anchored.levels)

    def refuse(self, message: str, event: Event) -> DocumentError:
        mark = event.start_mark
        return refusal(f"{message}, at {mark.line + 1}:{mark.column + 1}", self._pointer())

    def _awaits_key(self) -> bool:
        return bool(self.open) and isinstance(self.open[-1].value, dict) and self.open[-1].key is None

    def _count(self, event: Event, *, nodes: int) -> None:
        self.nodes += nodes
        if self.nodes > limits.YAML_NODES_MAX:
            raise self.refuse(
                f"a YAML document may have {limits.YAML_NODES_MAX} values, aliases written out", event
            )

    def _remember(self, anchor: str | None, anchored: _Anchored) -> None:
        if anchor:
            self.anchors[anchor] = anchored

    def _place(self, value: Json, *, levels: int) -> None:
        if not self.open:
            self.root, self.complete = value, True
            return
        parent = self.open[-1]
        parent.levels = max(parent.levels, levels)
        if isinstance(parent.value, list):
            parent.value.append(value)
        elif parent.key is not None:
            parent.value[parent.key] = value
            parent.key = None

    def _pointer(self) -> str:
        if not self.open:
            return ""
        parent = self.open[-1]
        if isinstance(parent.value, list):
            return child(parent.pointer, len(parent.value))
        return parent.pointer if parent.key is None else child(parent.pointer, parent.key)
