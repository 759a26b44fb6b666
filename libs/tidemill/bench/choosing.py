"""Which scenarios are to run, with which parameters."""

from collections.abc import Iterable, Sequence
from dataclasses import fields, replace
from typing import Final

from tidemill.bench.scenario import Scenario
from tidemill.bench.scenarios import SCENARIOS, SHORT

GROUPS: Final = {"all": tuple(SCENARIOS), "short": SHORT}


class ChoiceError(Exception):
    """There is no such scenario or parameter. The message is one line for people."""


def chosen(names: Iterable[str], parameters: Sequence[str] = ()) -> list[Scenario]:
    """The scenarios of these names, or of `short` or `all`, in their own order; raises ChoiceError.

    A parameter is `SCENARIO.NAME=VALUE`.
    """
    wanted = {member for name in names for member in GROUPS.get(name, (name,))}
    if unknown := sorted(wanted - set(SCENARIOS)):
        raise ChoiceError(f"there is no scenario {unknown[0]}, only {', '.join([*SCENARIOS, *GROUPS])}")
    found = {name: kind() for name, kind in SCENARIOS.items() if name in wanted}
    for parameter in parameters:
        name, found_one = _changed(found, parameter)
        found[name] = found_one
    return list(found.values())


def _changed(found: dict[str, Scenario], parameter: str) -> tuple[str, Scenario]:
    target, _, text = parameter.partition("=")
    scenario_name, _, name = target.partition(".")
    scenario = found.get(scenario_name)
    if scenario is None:
        raise ChoiceError(f"{parameter}: no chosen scenario is called {scenario_name}")
    known = {field.name: getattr(scenario, field.name) for field in fields(scenario)}
    if name not in known:
        raise ChoiceError(f"{parameter}: {scenario_name} has no parameter {name}, only {', '.join(known)}")
    try:
        value = type(known[name])(text.replace("_", ""))
    except ValueError:
        raise ChoiceError(f"{parameter}: {text!r} is not a number that {name} can be") from None
    if value <= 0:
        raise ChoiceError(f"{parameter}: {name} must be above 0")
    return scenario_name, replace(scenario, **{name: value})
