"""`show`: draws a definition, and for an execution the path that it took."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from tidemill.cli.documents import Finding
from tidemill.cli.failures import USAGE, CommandError
from tidemill.cli.inputs import WorkflowName, read_file, workflow_name
from tidemill.cli.options import AnyNamespace, JsonFlag
from tidemill.cli.output import note, print_json, print_line
from tidemill.cli.session import call
from tidemill.namespaces import ANY_NAMESPACE

if TYPE_CHECKING:
    from tidemill.client.client import Client
    from tidemill.diagrams.outline import Outline
    from tidemill.diagrams.path import Path as TakenPath

_DOCUMENT_SUFFIXES: Final = (".yaml", ".yml", ".json")


def show(
    subject: Annotated[
        str,
        typer.Argument(
            metavar="FILE|ID|NS/NAME[:VERSION]",
            help="A workflow document, an execution's id, or a published workflow.",
        ),
    ],
    *,
    mermaid: Annotated[bool, typer.Option("--mermaid", help="Print a Mermaid flowchart.")] = False,
    namespace: AnyNamespace = ANY_NAMESPACE,
    as_json: JsonFlag = False,
) -> None:
    """Draw a definition, or the path that an execution took.

    A file is drawn without any service.
    """
    if mermaid and as_json:
        raise CommandError("--mermaid and --json exclude each other", exit_code=USAGE)
    outline, path = _read(subject, namespace)
    if as_json:
        from tidemill.diagrams.as_json import diagram_json

        print_json(diagram_json(outline, path))
        return
    from tidemill.diagrams.mermaid import draw_mermaid
    from tidemill.diagrams.text import draw_text

    draw = draw_mermaid if mermaid else draw_text
    print_line(draw(outline, path).removesuffix("\n"))


def _read(subject: str, namespace: str) -> "tuple[Outline, TakenPath | None]":
    """What the subject names: a file, an execution, or a published definition."""
    if _is_file(subject):
        return _outline_of_file(subject), None
    from tidemill.lanes import is_execution_id

    if is_execution_id(subject):
        return call(lambda client: _execution(client, subject, namespace))
    name = _workflow_name(subject)
    return call(lambda client: _definition(client, name)), None


def _is_file(subject: str) -> bool:
    path = Path(subject)
    return subject.endswith(_DOCUMENT_SUFFIXES) or (path.exists() and not path.is_dir())


def _workflow_name(subject: str) -> WorkflowName:
    try:
        return workflow_name(subject)
    except CommandError:
        raise CommandError(
            f"{subject!r} is not a file, an execution's id, NS/NAME or NS/NAME:VERSION", exit_code=USAGE
        ) from None


def _outline_of_file(path: str) -> "Outline":
    """The outline of a document that has passed its checks; says what is wrong with one that has not."""
    from tidemill.diagrams.reading import outline_of
    from tidemill.dsl import DocumentError, check, load

    try:
        document = load(read_file(path))
        errors = [problem for problem in check(document) if problem.severity == "error"]
        if errors:
            raise DocumentError(errors)
        return outline_of(document)
    except DocumentError as error:
        # Standard output holds the diagram alone, for whoever reads it.
        for problem in error.problems:
            note(Finding(problem.pointer, problem.message, problem.severity).line(path))
        raise CommandError(f"{path} was refused ({error.reason_name})") from None


async def _definition(client: "Client", name: WorkflowName) -> "Outline":
    from tidemill.diagrams.reading import outline_of
    from tidemill.dsl import load

    definition = await client.definitions.get(name.namespace, name.name, name.version)
    return outline_of(load(definition.document))


async def _execution(
    client: "Client", execution_id: str, namespace: str
) -> "tuple[Outline, TakenPath | None]":
    """The definition of an execution and its path, read until both tell of the same phase."""
    from tidemill.api.engine.v1.execution_service_pb2 import GetHistoryRequest
    from tidemill.client.executions import CLOSED_PHASES
    from tidemill.diagrams.path import PathFold

    execution = await client.executions.get(execution_id, namespace=namespace)
    name = WorkflowName(execution.namespace, execution.workflow, execution.version)
    outline = await _definition(client, name)
    while True:
        fold = PathFold(outline)
        request = GetHistoryRequest(namespace=namespace, execution_id=execution_id)
        async for events in client.executions.history_pages(request):
            fold.apply(events)
        if execution.phase in CLOSED_PHASES:
            return outline, fold.finish(execution)
        seen, execution = execution, await client.executions.get(execution_id, namespace=namespace)
        if execution.phase == seen.phase:
            return outline, fold.finish(execution)
