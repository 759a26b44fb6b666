"""The one table of task kinds: the member that marks a task of the kind, and the class that runs it."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, TypeAlias

from tidemill.engine.core.node import TaskNode
from tidemill.engine.core.tasks.call import CallNode
from tidemill.engine.core.tasks.do import DoNode
from tidemill.engine.core.tasks.emit import EmitNode
from tidemill.engine.core.tasks.for_ import ForNode
from tidemill.engine.core.tasks.fork import ForkNode
from tidemill.engine.core.tasks.raise_ import RaiseNode
from tidemill.engine.core.tasks.run import RunNode
from tidemill.engine.core.tasks.set import SetNode
from tidemill.engine.core.tasks.switch import SwitchNode
from tidemill.engine.core.tasks.try_ import TryNode
from tidemill.engine.core.tasks.wait import WaitNode

Kinds: TypeAlias = Mapping[str, type[TaskNode]]

# A `for` has a `do` too: the first mark that fits names the kind.
KINDS: Final[Kinds] = MappingProxyType(
    {
        "for": ForNode,
        "call": CallNode,
        "do": DoNode,
        "emit": EmitNode,
        "fork": ForkNode,
        "raise": RaiseNode,
        "run": RunNode,
        "set": SetNode,
        "switch": SwitchNode,
        "try": TryNode,
        "wait": WaitNode,
    }
)
