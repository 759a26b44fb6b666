"""`validate` and `publish`: workflow documents."""

from typing import TYPE_CHECKING, Annotated

import typer

from tidemill.cli.documents import Finding, finding_of, print_findings
from tidemill.cli.documents import publish as publish_document
from tidemill.cli.failures import FAILED, USAGE, CommandError
from tidemill.cli.inputs import read_file
from tidemill.cli.options import DocumentPath, JsonFlag
from tidemill.cli.output import note, print_json, print_line
from tidemill.cli.session import call

if TYPE_CHECKING:
    from tidemill.api.engine.v1.definition_service_pb2 import PublishResponse
    from tidemill.client.client import Client
    from tidemill.dsl.outside import OutsideDocument
    from tidemill.json import Json


def validate(
    files: Annotated[list[str], typer.Argument(metavar="FILE...", help="Workflow documents, YAML or JSON.")],
    *,
    as_json: JsonFlag = False,
) -> None:
    """Check documents without any service; one line a problem."""
    codes = [_validate_one(path, as_json=as_json) for path in files]
    if max(codes):
        raise typer.Exit(max(codes))


def _validate_one(path: str, *, as_json: bool) -> int:
    """Check one document, say what was found, and return its exit code."""
    try:
        document = read_file(path)
    except CommandError as error:
        note(f"error: {error}")
        return USAGE
    findings, to_come = _check(document)
    refused = any(finding.severity == "error" for finding in findings)
    outside = [] if refused else _outside(document)
    if as_json:
        answer: Json = {
            "file": path,
            "valid": not refused,
            "publishable": not refused and not to_come,
            "problems": [_finding_json(finding) for finding in findings + to_come],
            "documents": [one.uri for one in outside],
        }
        print_json(answer)
        return FAILED if refused else 0
    print_findings(path, findings + to_come)
    for one in outside:
        print_line(f"{path}: {one.pointer}: {one.uri} is fetched when it is published")
    if not refused:
        print_line(f"{path}: {'valid, but this release refuses to publish it' if to_come else 'ok'}")
    return FAILED if refused else 0


def _outside(text: bytes) -> "list[OutsideDocument]":
    """What publishing a valid document would fetch."""
    from tidemill.dsl import load
    from tidemill.dsl.outside import outside_documents

    return list(outside_documents(load(text)))


def _check(text: bytes) -> tuple[list[Finding], list[Finding]]:
    """What is wrong with the document or to be looked at; and, in a valid one, which features are to come."""
    from tidemill.dsl import DocumentError, check, load, unsupported

    try:
        document = load(text)
    except DocumentError as error:
        return [Finding(problem.pointer, problem.message, problem.severity) for problem in error.problems], []
    findings = [Finding(problem.pointer, problem.message, problem.severity) for problem in check(document)]
    if any(finding.severity == "error" for finding in findings):
        return findings, []
    return findings, [
        Finding(problem.pointer, problem.message, "warning") for problem in unsupported(document)
    ]


def _finding_json(finding: Finding) -> "Json":
    return {"pointer": finding.pointer, "message": finding.message, "severity": finding.severity}


def publish(path: DocumentPath, *, as_json: JsonFlag = False) -> None:
    """Publish a document as a new, immutable version."""
    document = read_file(path)

    async def work(client: "Client") -> "PublishResponse":
        return await publish_document(client, path, document)

    answer = call(work)
    warnings = [finding_of(problem) for problem in answer.warnings]
    definition = answer.definition
    if as_json:
        print_json(
            {
                "namespace": definition.namespace,
                "name": definition.name,
                "version": definition.version,
                "digest": definition.digest,
                "created": answer.created,
                "documents": [
                    {"uri": pinned.uri, "digest": pinned.digest} for pinned in definition.pinned_documents
                ],
                "warnings": [_finding_json(finding) for finding in warnings],
            }
        )
        return
    for finding in warnings:
        note(finding.line(path))
    verb = "published" if answer.created else "already published"
    name = f"{definition.namespace}/{definition.name}:{definition.version}"
    print_line(f"{verb} {name} {definition.digest}")
    for pinned in definition.pinned_documents:
        print_line(f"  with {pinned.uri} {pinned.digest}")
