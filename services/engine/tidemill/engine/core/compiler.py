"""Compiles a document's tasks to nodes: expressions, templates, schemas and durations once, before a run."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from tidemill.dsl import task_pointer
from tidemill.dsl.function_calls import function_uri
from tidemill.dsl.problems import refusal
from tidemill.dsl.references import UnknownReferenceError, resolve_timeout, section
from tidemill.engine.core.documents import NO_DOCUMENTS, PinnedDocuments
from tidemill.engine.core.durations import Duration
from tidemill.engine.core.evaluation import Formula
from tidemill.engine.core.node import (
    Directive,
    Place,
    Surroundings,
    TaskList,
    TaskNode,
    directive_of,
)
from tidemill.engine.core.schemas import DataSchema, fetched_schema
from tidemill.expressions import (
    Expression,
    ExpressionSyntaxError,
    Template,
    TemplateError,
    compile_condition,
    compile_template,
    expression_source,
)
from tidemill.json import Json

if TYPE_CHECKING:
    from tidemill.engine.core.extensions import Extending
    from tidemill.engine.core.tasks.registry import Kind, Kinds

_NO_MEMBERS: Final[Mapping[str, Json]] = {}


@dataclass(frozen=True, slots=True)
class Common:
    """The properties that every kind of task has.

    `takes_input`: there is something to do with the raw input; `keeps_output`: nothing with the raw output.
    """

    condition: Expression | None
    input_schema: DataSchema | None
    input_from: Formula | None
    output_as: Formula | None
    output_schema: DataSchema | None
    export_as: Formula | None
    export_schema: DataSchema | None
    timeout: Duration | None
    then: Directive
    takes_input: bool
    keeps_output: bool


class Compiler:
    """Compiles one document. `tasks` collects the nodes by reference."""

    def __init__(
        self,
        document: Mapping[str, Json],
        kinds: "Kinds",
        documents: Mapping[str, bytes] = NO_DOCUMENTS,
    ) -> None:
        self.document = dict(document)
        # What the document names from outside.
        self.documents = PinnedDocuments(documents)
        self.tasks: dict[str, TaskNode] = {}
        # Of the document, also where a function from outside is compiled: its extensions are the document's.
        self.of_document = self
        # What the extensions of the document add to its tasks; None when it has no extensions.
        self.extending: Extending | None = None
        self._kinds = kinds

    def task_list(self, tasks: Json, pointer: str, surroundings: Surroundings) -> TaskList:
        """Compile a list of tasks; raises DocumentError."""
        if not isinstance(tasks, list):
            raise refusal("a list of tasks is expected", pointer)
        nodes = [
            self._task(item, pointer, index=index, surroundings=surroundings)
            for index, item in enumerate(tasks)
        ]
        return _listed(nodes)

    def lone_task(self, place: Place, definition: Json) -> TaskList:
        """Compile a task that has none beside it; raises DocumentError."""
        return _listed([self._node(place, definition)])

    def function(self, call: str, pointer: str) -> "tuple[Json, Compiler]":
        """The task of the function that a call means, and what compiles it: one from outside knows nothing of
        the document, and sees the files beside it. Raises DocumentError."""
        own = section(self.document, "functions")
        if call in own:
            return own[call], self
        uri = function_uri(self.document, call)
        definition = self.documents.read({"endpoint": uri}, _function_task, f"{pointer}/call")
        other = Compiler({}, self._kinds)
        other.documents = self.documents.beside(uri)
        other.tasks, other.extending = self.tasks, self.extending
        other.of_document = self.of_document
        return definition, other

    def _task(self, item: Json, pointer: str, *, index: int, surroundings: Surroundings) -> TaskNode:
        if not isinstance(item, dict) or len(item) != 1:
            raise refusal("an item of a task list is one name with one task", f"{pointer}/{index}")
        ((name, definition),) = item.items()
        return self._node(Place(task_pointer(pointer, index, name), name, index, surroundings), definition)

    def _node(self, place: Place, definition: Json) -> TaskNode:
        if not isinstance(definition, dict):
            raise refusal("a task is an object", place.reference)
        kind = next((kind for member, kind in self._kinds.items() if member in definition), None)
        if kind is None:
            raise refusal("a task of this kind cannot be run yet", place.reference)
        if self.extending is not None and place.surroundings.are_extendable:
            kind = self.extending.around(kind, definition)
        return self.make(kind, place, definition)

    def make(self, kind: "Kind", place: Place, definition: dict[str, Json]) -> TaskNode:
        """Make the node of a task, and keep it by its reference; raises DocumentError."""
        node = self.tasks[place.reference] = kind(place, definition, self)
        return node

    def common(self, definition: dict[str, Json], pointer: str) -> Common:
        """Compile the properties that every kind of task has."""
        given = members(definition.get("input"))
        output = members(definition.get("output"))
        export = members(definition.get("export"))
        input_schema = self.schema(given.get("schema"), f"{pointer}/input/schema")
        input_from = self.transformation(given.get("from"), f"{pointer}/input/from")
        output_as = self.transformation(output.get("as"), f"{pointer}/output/as")
        output_schema = self.schema(output.get("schema"), f"{pointer}/output/schema")
        export_as = self.transformation(export.get("as"), f"{pointer}/export/as")
        timeout = self.timeout(definition.get("timeout"), f"{pointer}/timeout")
        return Common(
            condition=self.condition(definition.get("if"), f"{pointer}/if"),
            input_schema=input_schema,
            input_from=input_from,
            output_as=output_as,
            output_schema=output_schema,
            export_as=export_as,
            export_schema=self.schema(export.get("schema"), f"{pointer}/export/schema"),
            timeout=timeout,
            then=directive_of(definition.get("then")),
            takes_input=any(part is not None for part in (input_schema, input_from, timeout)),
            keeps_output=all(part is None for part in (output_as, output_schema, export_as)),
        )

    def condition(self, value: Json, pointer: str) -> Expression | None:
        """Compile a condition; None when there is none."""
        return None if value is None else self._expression(str(value), pointer)

    def transformation(self, value: Json, pointer: str) -> Formula | None:
        """Compile a `from` or an `as`: a string is an expression, anything else a template."""
        if value is None:
            return None
        if isinstance(value, str):
            return self._expression(value, pointer)
        return self.template(value, pointer)

    @staticmethod
    def template(value: Json, pointer: str) -> Template:
        """Compile a value in which the strings `${ }` are expressions."""
        try:
            return compile_template(value)
        except TemplateError as error:
            raise refusal(str(error.cause), f"{pointer}{error.pointer}") from None

    def duration(self, value: Json, pointer: str) -> Duration:
        """Compile a duration: a constant, or a template that gives one."""
        try:
            return Duration.constant(value)
        except ValueError as error:
            if not is_expression(value):
                raise refusal(str(error), pointer) from None
        return Duration.calculated(self.template(value, pointer))

    def optional_duration(self, value: Json, pointer: str) -> Duration | None:
        """Compile a duration that may be missing."""
        return None if value is None else self.duration(value, pointer)

    def timeout(self, value: Json, pointer: str) -> Duration | None:
        """Compile a timeout, or the one that it names."""
        if value is None:
            return None
        policy = self.resolve(resolve_timeout, value, pointer)
        return self.duration(policy.get("after"), f"{pointer}/after")

    def schema(self, value: Json, pointer: str) -> DataSchema | None:
        """Compile a schema, which may be a document from outside; None when there is none."""
        if isinstance(value, dict) and "resource" in value:
            return self.documents.read(value["resource"], fetched_schema, f"{pointer}/resource/endpoint")
        return None if value is None else DataSchema(value, pointer)

    def resolve(
        self, resolver: Callable[[Json, Json], dict[str, Json]], value: Json, pointer: str
    ) -> dict[str, Json]:
        """What a name stands for in `use`; raises DocumentError for an unknown one."""
        try:
            return resolver(self.document, value)
        except UnknownReferenceError as error:
            raise refusal(str(error), pointer) from None

    @staticmethod
    def _expression(text: str, pointer: str) -> Expression:
        try:
            return compile_condition(text)
        except ExpressionSyntaxError as error:
            raise refusal(str(error), pointer) from None


def _listed(nodes: list[TaskNode]) -> TaskList:
    listed = TaskList(nodes)
    for node in nodes:
        node.siblings = listed
        unknown = [then for then in node.directives() if not listed.knows(then)]
        if unknown:
            raise refusal(f"there is no task `{unknown[0]!s:.80}` beside this one", node.reference)
    return listed


def _function_task(value: Json, _uri: str) -> Json:
    return value


def members(value: Json) -> Mapping[str, Json]:
    """An object's members; none for whatever is no object."""
    return value if isinstance(value, dict) else _NO_MEMBERS


def is_expression(value: Json) -> bool:
    """Whether a value is a string that is one expression as a whole."""
    return isinstance(value, str) and expression_source(value) is not None
