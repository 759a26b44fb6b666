"""What a rule is: a look at one sound place, with what is known of the whole document beside it."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from tidemill.dsl.problems import Problem
from tidemill.dsl.rules.compiling import Compiler
from tidemill.dsl.walk import Place
from tidemill.json import Json


@dataclass(slots=True)
class Check:
    """One check of one document: the document, and the work that it may still cost.

    Functions from outside have one check together, of no document; `base` is the URI of the one in hand.
    """

    document: Json
    base: str = ""
    compiler: Compiler = field(init=False)
    data_schema_nodes: int = 0
    patterns: int = 0
    event_filters: int = 0
    seen_references: set[object] = field(default_factory=set)
    # By identity, for the document is not changed under a check; a list inside others is looked at once.
    lists_that_end: dict[int, bool] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.compiler = Compiler(self.document)


Rule: TypeAlias = Callable[[Place, Check], Iterator[Problem]]
RuleTable: TypeAlias = Mapping[str, Rule]
