"""A definition compiled for running. Derived from the document whenever it is needed, never stored."""

from collections.abc import Mapping

from tidemill.dsl.problems import refusal
from tidemill.engine.core.compiler import Compiler, members
from tidemill.engine.core.documents import NO_DOCUMENTS
from tidemill.engine.core.evaluation import Evaluator
from tidemill.engine.core.extensions import compile_extensions
from tidemill.engine.core.faults import make_payload
from tidemill.engine.core.hearing import Subjects
from tidemill.engine.core.lifecycle import enter_later, finish
from tidemill.engine.core.node import BlockNode, Directive, Surroundings, TaskNode
from tidemill.engine.core.payload import Payload
from tidemill.engine.core.reentry import compile_reentry
from tidemill.engine.core.settings import CoreSettings
from tidemill.engine.core.stopping import StopFilters
from tidemill.engine.core.tasks.listen import ListenNode
from tidemill.engine.core.tasks.registry import KINDS, Kinds
from tidemill.engine.core.turn import Turn
from tidemill.engine.core.variables import workflow_variables
from tidemill.engine.core.views import FrameView
from tidemill.json import Json


class Plan(BlockNode):
    """A whole workflow: its tasks by reference, and what it does with its own input, output and timeout."""

    __slots__ = (
        "_input_from",
        "_input_schema",
        "_output_as",
        "_output_schema",
        "_timeout",
        "digest",
        "document",
        "list",
        "reentry",
        "reference",
        "settings",
        "stops",
        "subjects",
        "tasks",
    )

    def __init__(
        self, document: dict[str, Json], digest: bytes, settings: CoreSettings, compiler: Compiler
    ) -> None:
        compiler.extending = compile_extensions(document, compiler)
        self.reference = ""
        self.document = document
        self.digest = digest
        self.settings = settings
        self.tasks: Mapping[str, TaskNode] = compiler.tasks
        given, output = members(document.get("input")), members(document.get("output"))
        self._input_schema = compiler.schema(given.get("schema"), "/input/schema")
        self._input_from = compiler.transformation(given.get("from"), "/input/from")
        self._output_as = compiler.transformation(output.get("as"), "/output/as")
        self._output_schema = compiler.schema(output.get("schema"), "/output/schema")
        self._timeout = compiler.timeout(document.get("timeout"), "/timeout")
        self.stops = StopFilters(document, compiler)
        self.subjects = Subjects(document, compiler)
        self.reentry = compile_reentry(document)
        self.list = compiler.task_list(document.get("do"), "/do", Surroundings(self))

    def shape(self, reference: str, index: int) -> bytes:
        """How lanes find the events of a filter: of a `listen`, or of `stopOn` (reference "")."""
        if not reference:
            return self.stops.filters[index].shape
        node = self.tasks[reference]
        assert isinstance(node, ListenNode)
        return node.filters[index].shape

    def take_input(self, execution_id: str, raw_input: Payload, now_us: int) -> tuple[Payload, int]:
        """The transformed input, the same object when it equals the raw one, and when the time runs out
        (0: never). Raises one of FAULTS."""
        evaluator = Evaluator(now_us, self.settings.operations_per_command_max)
        if self._input_schema is not None:
            self._input_schema.check(raw_input.value)
        taken = raw_input
        if self._input_from is not None:
            variables = workflow_variables(self, execution_id, raw_input, now_us)
            value = evaluator.transform(self._input_from, raw_input, variables)
            taken = make_payload(value, self.settings.payload_bytes_max)
        return taken, self.timeout_at_us(evaluator, execution_id, raw_input, taken=taken)

    def timeout_at_us(
        self, evaluator: Evaluator, execution_id: str, raw_input: Payload, *, taken: Payload
    ) -> int:
        """When the workflow's own time runs out if it is counted from now; 0 for never."""
        if self._timeout is None:
            return 0
        now_us = evaluator.now_us
        variables = workflow_variables(self, execution_id, raw_input, now_us)
        variables["input"] = taken.value
        return now_us + self._timeout.resolve(evaluator, taken, variables)

    def give_output(self, turn: Turn, output: Payload) -> Payload:
        """The transformed output of the workflow, from its last task's. Raises one of FAULTS."""
        if self._output_as is not None:
            state = turn.state
            variables = workflow_variables(
                self, state.execution_id, state.root.raw_input, state.started_at_us
            )
            variables["context"] = state.context.value
            value = turn.transform(self._output_as, output, variables)
            output = turn.payload(value, output)
        if self._output_schema is not None:
            self._output_schema.check(output.value)
        return output

    def begin(self, turn: Turn) -> None:
        """Enter the first task; a workflow without any ends with its input."""
        first = self.list.first()
        if first is None:
            finish(turn, turn.state.root.data)
        else:
            enter_later(turn, first)

    def child_ended(self, turn: Turn, frame: FrameView, child: TaskNode, directive: Directive) -> None:
        following = self.list.after(child, directive)
        if following is None:
            finish(turn, frame.data)
        else:
            enter_later(turn, following)


def compile_plan(
    document: dict[str, Json],
    *,
    digest: bytes = b"",
    settings: CoreSettings | None = None,
    kinds: Kinds = KINDS,
    documents: Mapping[str, bytes] = NO_DOCUMENTS,
) -> Plan:
    """Compile a document that has passed its checks; the plan keeps it, nobody may change it after.

    `documents` are those from outside that it names, by URI. Raises DocumentError for what cannot be run.
    """
    if not isinstance(document, dict):
        raise refusal("a document is an object")
    compiler = Compiler(document, kinds, documents)
    return Plan(document, digest, settings or CoreSettings(), compiler)
