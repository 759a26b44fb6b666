"""The one table of task kinds: the member that marks a task of the kind, and what makes it."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, TypeAlias

from tidemill.engine.core.functions.registry import call_node
from tidemill.engine.core.node import Place, TaskNode
from tidemill.engine.core.tasks.do import DoNode
from tidemill.engine.core.tasks.emit import EmitNode
from tidemill.engine.core.tasks.for_ import ForNode
from tidemill.engine.core.tasks.fork import ForkNode
from tidemill.engine.core.tasks.listen import ListenNode
from tidemill.engine.core.tasks.raise_ import RaiseNode
from tidemill.engine.core.tasks.run import run_node
from tidemill.engine.core.tasks.set import SetNode
from tidemill.engine.core.tasks.switch import SwitchNode
from tidemill.engine.core.tasks.try_ import TryNode
from tidemill.engine.core.tasks.wait import WaitNode
from tidemill.json import Json

if TYPE_CHECKING:
    from tidemill.engine.core.compiler import Compiler

Kind: TypeAlias = Callable[[Place, dict[str, Json], "Compiler"], TaskNode]
Kinds: TypeAlias = Mapping[str, Kind]

# A `for` has a `do` too: the first mark that fits names the kind.
KINDS: Final[Kinds] = MappingProxyType(
    {
        "for": ForNode,
        "call": call_node,
        "do": DoNode,
        "emit": EmitNode,
        "fork": ForkNode,
        "listen": ListenNode,
        "raise": RaiseNode,
        "run": run_node,
        "set": SetNode,
        "switch": SwitchNode,
        "try": TryNode,
        "wait": WaitNode,
    }
)
