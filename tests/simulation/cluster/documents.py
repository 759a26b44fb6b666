"""The workflows of the simulation: some written by hand, each for a kind of trouble, and random ones."""

from dataclasses import replace
from functools import cache
from importlib.metadata import version
from random import Random
from typing import Any, Final

from tests.simulation.cluster.network import served
from tests.simulation.workflows import workflow
from tidemill import dsl
from tidemill.clock import ManualClock
from tidemill.engine import catalogue as catalogues
from tidemill.engine.catalogue import Catalogue
from tidemill.engine.core.tasks.registry import KINDS, Kinds
from tidemill.engine.core.tasks.set import SetNode
from tidemill.engine.core.turn import Turn
from tidemill.engine.core.views import FrameView
from tidemill.engine.settings import Settings
from tidemill.engine.store.memory.store import MemoryStore
from tidemill.engine.store.rows import DefinitionRow
from tidemill.errors import TidemillError
from tidemill.json import dumps

NAMESPACE: Final = "shop"
RANDOM_DOCUMENTS: Final = 60

# What ends in the same way however its parts come about: nothing in them races.
STEADY: Final = """
document: {dsl: 1.0.3, namespace: shop, name: child, version: 1.0.0}
do:
  - work: {call: "work:1.0.0", with: {n: "${ .n? }"}}
---
document: {dsl: 1.0.3, namespace: shop, name: chain, version: 1.0.0}
do:
  - one: {call: "work:1.0.0", with: {n: 1}}
  - rest: {wait: {seconds: 2}}
  - two: {call: "work:1.0.0", with: {n: "${ .n + 1 }"}}
  - three: {call: "work:1.0.0", with: {n: "${ .n + 1 }"}}
---
document: {dsl: 1.0.3, namespace: shop, name: waiter, version: 1.0.0}
do:
  - both:
      listen:
        to:
          all:
            - with: {type: a}
            - with: {type: b}
  - tell: {call: "work:1.0.0", with: {n: "${ length }"}}
---
document: {dsl: 1.0.3, namespace: shop, name: family, version: 1.0.0}
do:
  - each:
      for: {each: item, in: "[1, 2, 3]"}
      do:
        - child:
            run: {workflow: {namespace: shop, name: child, input: {n: "${ $item }"}}}
  - beside:
      run:
        workflow: {namespace: shop, name: child, input: {n: 9}}
        await: false
  - last: {call: "work:1.0.0", with: {n: 4}}
---
document: {dsl: 1.0.3, namespace: shop, name: stubborn, version: 1.0.0}
do:
  - again:
      try:
        - flaky: {call: "flaky:1.0.0", with: {n: 2}}
      catch:
        retry:
          delay: {seconds: 1}
          limit: {attempt: {count: 5}}
  - done: {call: "work:1.0.0", with: {n: 5}}
---
document: {dsl: 1.0.3, namespace: shop, name: wide, version: 1.0.0}
do:
  - all:
      fork:
        branches:
          - left: {call: "work:1.0.0", with: {n: 1}}
          - middle:
              do:
                - rest: {wait: {seconds: 3}}
                - work: {call: "work:1.0.0", with: {n: 2}}
          - right: {call: "work:1.0.0", with: {n: 3}}
  - tell: {call: "work:1.0.0", with: {n: 6}}
---
document: {dsl: 1.0.3, namespace: shop, name: teller, version: 1.0.0}
do:
  - slot: {call: "pace:1.0.0@default", with: {limit: 2, per: {seconds: 2}}}
  - tell:
      emit:
        event:
          with: {type: told, source: /teller, data: {n: 1}}
  - work: {call: "work:1.0.0", with: {n: 7}}
"""
# What races with the clock, with others, or with itself.
RACING: Final = """
document: {dsl: 1.0.3, namespace: shop, name: racer, version: 1.0.0}
do:
  - race:
      fork:
        compete: true
        branches:
          - slow: {call: "hang:1.0.0", with: {n: 1}}
          - quick:
              do:
                - rest: {wait: {seconds: 3}}
                - won: {set: {n: 2}}
  - bounded:
      try:
        - stuck:
            call: "hang:1.0.0"
            with: {n: 3}
            timeout: {after: {seconds: 2}}
      catch:
        errors: {with: {status: 408}}
        do:
          - late: {call: "work:1.0.0", with: {n: 4}}
---
document: {dsl: 1.0.3, namespace: shop, name: hearer, version: 1.0.0}
do:
  - hear:
      listen:
        to:
          any:
            - with: {type: a}
            - with: {type: c, data: {n: 1}}
          until: "length > 2"
        read: data
      foreach:
        item: heard
        do:
          - tell: {call: "work:1.0.0", with: {n: "${ $heard.n? }"}}
      timeout: {after: {seconds: 12}}
---
document:
  dsl: 1.0.3
  namespace: shop
  name: entrant
  version: 1.0.0
  metadata:
    tidemill:
      reentry: once
      stopOn:
        - with: {type: c}
do:
  - work: {call: "work:1.0.0", with: {n: 1}}
  - rest: {wait: {seconds: 4}}
"""
# What starts by itself, as long as nobody ends it.
TICKER: Final = """
document: {dsl: 1.0.3, namespace: shop, name: ticker, version: 1.0.0}
schedule: {every: {seconds: 4}}
do:
  - work: {call: "work:1.0.0", with: {n: 1}}
"""
# Kinds that have a bug, or that make a history which the store refuses, while `Explode.on`.
POISONED: Final = (
    {"boom": {"explode": {}, "set": {"n": 1}}},
    {"work": {"call": "work:1.0.0", "with": {"n": 1}}},
)
REFUSED_DATA: Final = (
    {"bad": {"set": {"text": "the store refuses this"}}},
    {"work": {"call": "work:1.0.0", "with": {"n": 1}}},
)


class ExplodeNode(SetNode):
    """A kind of task with a bug: it raises while it is on."""

    on = True

    def begin(self, turn: Turn, frame: FrameView) -> None:
        if ExplodeNode.on:
            raise ZeroDivisionError("this task kind has a bug")
        super().begin(turn, frame)


SIMULATED_KINDS: Final[Kinds] = {"explode": ExplodeNode, **KINDS}
STEADY_NAMES: Final = ("chain", "waiter", "family", "stubborn", "wide", "teller")
RACING_NAMES: Final = ("racer", "hearer", "entrant")
POISON_NAMES: Final = ("boom", "later", "refused")


class Shelf:
    """All definitions, published once, and their plans, compiled once and shared by every engine."""

    def __init__(self) -> None:
        # Reading its own version takes an engine longer than a simulated one lives.
        vars(catalogues)["version"] = cache(version)
        store = MemoryStore(1)
        settings = Settings(shards=1)
        catalogue = Catalogue(store, ManualClock(), settings, SIMULATED_KINDS)
        # Turns are short, so that there are many of them, and who runs in a circle is soon found out.
        catalogue._core_settings = replace(
            catalogue._core_settings, entries_per_command_max=12, yields_in_a_row_max=5
        )
        for text in (*STEADY.split("---\n"), *RACING.split("---\n")):
            served(catalogue._store.publish(catalogue._row(dsl.load(text.encode()), text.encode())))
        self.random_names = [name for number in range(RANDOM_DOCUMENTS) if (name := _random(store, number))]
        for name, tasks in _poisoned():
            served(store.publish(_row(name, {"do": tasks})))
        served(catalogue.load())
        self.rows = dict(store._definitions)
        served(store.publish(catalogue._row(dsl.load(TICKER.encode()), TICKER.encode())))
        self.rows_with_ticker = store._definitions
        self.plans = catalogue._plans
        self.names = [row.name for row in catalogue.rows()]
        for name in list(self.names):
            try:
                catalogue.plan(NAMESPACE, name, "1.0.0")
            except (TidemillError, dsl.DocumentError):
                self.random_names.remove(name)
        self.names = [name for _, name, _ in self.plans]

    def put(self, store: MemoryStore, *, with_ticker: bool) -> None:
        """Have a store begin with all definitions."""
        store._definitions = dict(self.rows_with_ticker if with_ticker else self.rows)

    def lend(self, catalogue: Catalogue) -> None:
        """Spare a catalogue the compiling."""
        catalogue._plans = self.plans


@cache
def shelf() -> Shelf:
    """The one of this process."""
    return Shelf()


def _random(store: MemoryStore, number: int) -> str:
    tasks, members = workflow(Random(number))
    name = f"random-{number}"
    document = _document(name, {"do": tasks, **members})
    if any(problem.severity == "error" for problem in dsl.check(document)) or dsl.unsupported(document):
        return ""
    served(store.publish(_row(name, {"do": tasks, **members})))
    return name


def _poisoned() -> list[tuple[str, list[dict[str, Any]]]]:
    boom, work = POISONED
    bad, _ = REFUSED_DATA
    return [("boom", [boom, work]), ("later", [work, boom, work]), ("refused", [work, bad, work])]


def _document(name: str, members: dict[str, Any]) -> dict[str, Any]:
    header = {"dsl": "1.0.3", "namespace": NAMESPACE, "name": name, "version": "1.0.0"}
    return {**members, "document": {**header, **members.get("document", {}), "name": name}}


def _row(name: str, members: dict[str, Any]) -> DefinitionRow:
    return DefinitionRow(
        NAMESPACE, name, "1.0.0", "00" * 32, dumps(_document(name, members)), 1, "simulation", 0
    )
