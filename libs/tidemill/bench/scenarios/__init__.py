"""The scenarios of the benchmark, one module each; a new one is one more row here."""

from typing import Final

from tidemill.bench.scenario import Scenario
from tidemill.bench.scenarios.events import Events
from tidemill.bench.scenarios.expressions import Expressions
from tidemill.bench.scenarios.idle import Idle
from tidemill.bench.scenarios.lane import Lane
from tidemill.bench.scenarios.latency import Latency
from tidemill.bench.scenarios.memory import InFlight
from tidemill.bench.scenarios.overload import Overload
from tidemill.bench.scenarios.payloads import Payloads
from tidemill.bench.scenarios.recovery import Recovery
from tidemill.bench.scenarios.starts import Starts
from tidemill.bench.scenarios.steps import Steps
from tidemill.bench.scenarios.stored import Stored
from tidemill.bench.scenarios.throughput import Throughput
from tidemill.bench.scenarios.timers import Timers

SCENARIOS: Final[dict[str, type[Scenario]]] = {
    scenario.name: scenario
    for scenario in (
        Throughput,
        Latency,
        Steps,
        Payloads,
        Expressions,
        Starts,
        Events,
        Lane,
        Timers,
        InFlight,
        Recovery,
        Overload,
        Idle,
        Stored,
    )
}
# Those that tell most in a minute or two.
SHORT: Final = ("throughput", "latency", "starts", "events")
