"""What the expressions of a step cost."""

from dataclasses import dataclass
from typing import Final

from tidemill.bench.figures import rates
from tidemill.bench.scenario import Cases, Scenario
from tidemill.bench.stage import Stage
from tidemill.bench.workflows import calling
from tidemill.json import Json

_LIGHT: Final = {"name": "${ .contact.name }", "score": "${ .contact.score + 1 }"}
# What an author writes who has a list of orders and wants to say something of each month.
_HEAVY: Final = {
    "months": "${ [.orders | group_by(.month)[] | {month: .[0].month, total: (map(.price * .count) | add)}] "
    "| sort_by(-.total) }",
    "best": "${ .orders | map(select(.price > 20)) | max_by(.count) | .sku | ascii_upcase }",
    "text": '${ [.orders[] | "\\(.sku): \\(.count) x \\(.price)"] | join(", ") }',
}
_ORDERS: Final = 40


@dataclass(frozen=True, kw_only=True)
class Expressions(Scenario):
    """Two light expressions in each step, and three heavy ones over 40 orders."""

    name = "expressions"

    executions: int = 1_000
    steps: int = 5

    async def run(self, stage: Stage) -> Cases:
        """The light ones, then the heavy ones; both over the same input."""
        found = {}
        for case, arguments in (("light", _LIGHT), ("heavy", _HEAVY)):
            workflow = calling(f"expressions-{case}", self.steps, arguments=arguments, given=_input())
            await stage.publish(workflow)
            load = await stage.run_all(workflow, self.executions)
            found[case] = rates(load, executions=self.executions, steps=self.executions * self.steps)
        return found


def _input() -> dict[str, Json]:
    orders: list[Json] = [
        {"sku": f"sku-{number}", "month": number % 12 + 1, "price": 10 + number, "count": number % 5 + 1}
        for number in range(_ORDERS)
    ]
    return {"contact": {"name": "Ada", "score": 41}, "orders": orders}
