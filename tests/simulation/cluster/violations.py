"""What a simulation finds."""


class Violation(Exception):  # noqa: N818 - it is no error of the simulation
    """An invariant does not hold."""

    is_violation = True

    def __init__(self, name: str, evidence: str) -> None:
        super().__init__(f"{name}: {evidence}")
        self.name = name
        self.evidence = evidence

    def __reduce__(self) -> tuple[type["Violation"], tuple[str, str]]:
        return Violation, (self.name, self.evidence)
