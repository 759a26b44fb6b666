"""Lines about what is wrong with a document, whoever found it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from tidemill.cli.failures import CommandError
from tidemill.cli.output import print_line

if TYPE_CHECKING:
    from tidemill.api.engine.v1.definition_service_pb2 import DocumentProblem, PublishResponse
    from tidemill.client.client import Client


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong at one place of a file."""

    pointer: str
    message: str
    severity: Literal["error", "warning"]

    def line(self, path: str) -> str:
        """`FILE: POINTER: sentence`; the whole document is `/`, so that no line lacks a pointer."""
        warning = "warning: " if self.severity == "warning" else ""
        return f"{path}: {self.pointer or '/'}: {warning}{' '.join(self.message.split())}"


def print_findings(path: str, findings: Sequence[Finding]) -> None:
    """Print a line a finding."""
    for finding in findings:
        print_line(finding.line(path))


async def publish(client: "Client", path: str, document: bytes) -> "PublishResponse":
    """Publish a document; one that is refused has its lines printed, and raises CommandError."""
    from tidemill.api.errors.v1 import error_reason_pb2 as reasons
    from tidemill.errors import TidemillError

    try:
        return await client.definitions.publish(document)
    except TidemillError as error:
        if error.reason not in (
            reasons.ERROR_REASON_INVALID_DOCUMENT,
            reasons.ERROR_REASON_UNSUPPORTED_FEATURE,
            reasons.ERROR_REASON_DOCUMENT_UNAVAILABLE,
        ):
            raise
        problems = await client.definitions.validate(document)
        pointer = error.metadata.get("pointer", "")
        refusal = Finding(pointer, error.message.removeprefix(f"{pointer}: "), "error")
    findings = [finding_of(problem) for problem in problems]
    if not any(finding.severity == "error" for finding in findings):
        # What is wrong shows only with the documents that are fetched to publish it.
        findings.append(refusal)
    print_findings(path, findings)
    raise CommandError(f"{path} was refused")


def finding_of(problem: "DocumentProblem") -> Finding:
    """What the engine found."""
    from tidemill.api.engine.v1 import definition_service_pb2 as pb

    is_warning = problem.severity == pb.PROBLEM_SEVERITY_WARNING
    return Finding(problem.pointer, problem.message, "warning" if is_warning else "error")
