"""Workflow errors: problem details with the DSL's standard types."""

from tidemill.dsl import standard_error
from tidemill.json import Json
from tidemill.values import value


@value
class Problem:
    """One error; `instance` is the reference of the task that raised it, empty until that is known."""

    type: str
    status: int
    title: str = ""
    detail: str = ""
    instance: str = ""

    def at(self, reference: str) -> "Problem":
        """The same error with its origin named, unless it names one already."""
        if self.instance:
            return self
        return Problem(self.type, self.status, self.title, self.detail, reference)

    def as_json(self) -> Json:
        """The error as expressions see it: members without a value are left out."""
        members: dict[str, Json] = {"type": self.type, "status": self.status}
        texts = {"title": self.title, "detail": self.detail, "instance": self.instance}
        return members | {name: text for name, text in texts.items() if text}

    def member(self, name: str) -> Json:
        """A member by its name; None where there is none."""
        members = self.as_json()
        assert isinstance(members, dict)
        return members.get(name)


def standard_problem(name: str, detail: str, instance: str = "") -> Problem:
    """An error of a standard type (`configuration`, `validation`, `expression`, `timeout`, `runtime`...)."""
    standard = standard_error(name)
    return Problem(standard.type, standard.status, standard.title, detail, instance)
