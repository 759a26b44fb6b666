"""Workflow errors: problem details with the DSL's standard types."""

from dataclasses import dataclass, replace
from typing import Final

from tidemill.json import Json

_TYPES: Final = "https://open-workflow-specification.org/spec/1.0.0/errors/"


@dataclass(frozen=True, slots=True)
class Problem:
    """One error; `instance` is the reference of the task that raised it, empty until that is known."""

    type: str
    status: int
    title: str = ""
    detail: str = ""
    instance: str = ""

    def at(self, reference: str) -> "Problem":
        """The same error with its origin named, unless it names one already."""
        return self if self.instance else replace(self, instance=reference)

    def as_json(self) -> Json:
        """The error as expressions see it: members without a value are left out."""
        members: dict[str, Json] = {"type": self.type, "status": self.status}
        for name in ("title", "detail", "instance"):
            if value := getattr(self, name):
                members[name] = value
        return members


def configuration_problem(detail: str, instance: str = "") -> Problem:
    """The standard error of wrong settings or references."""
    return Problem(_TYPES + "configuration", 400, "Configuration Error", detail, instance)


def validation_problem(detail: str, instance: str = "") -> Problem:
    """The standard error of data that does not follow its schema."""
    return Problem(_TYPES + "validation", 400, "Validation Error", detail, instance)


def expression_problem(detail: str, instance: str = "") -> Problem:
    """The standard error of an expression that cannot be evaluated."""
    return Problem(_TYPES + "expression", 400, "Expression Error", detail, instance)


def timeout_problem(detail: str, instance: str = "") -> Problem:
    """The standard error of something that took too long."""
    return Problem(_TYPES + "timeout", 408, "Timeout Error", detail, instance)


def runtime_problem(detail: str, instance: str = "") -> Problem:
    """The standard error of everything that goes wrong while a workflow runs."""
    return Problem(_TYPES + "runtime", 500, "Runtime Error", detail, instance)
