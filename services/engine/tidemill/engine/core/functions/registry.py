"""The one table of the functions that the Engine runs itself, and what becomes of a `call`."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from tidemill.dsl.default_catalog import default_function
from tidemill.dsl.function_calls import is_from_outside
from tidemill.dsl.references import section
from tidemill.dsl.shapes import PROTOCOLS
from tidemill.engine.core.functions.pace import PaceNode
from tidemill.engine.core.functions.split import SplitNode
from tidemill.engine.core.functions.wait_until import WaitUntilNode
from tidemill.engine.core.node import Place, TaskNode
from tidemill.engine.core.referring import members
from tidemill.engine.core.requests import ASYNCAPI
from tidemill.engine.core.tasks.call import CallNode
from tidemill.engine.core.tasks.function import FunctionNode
from tidemill.engine.core.tasks.subscription import SubscriptionNode
from tidemill.json import Json

if TYPE_CHECKING:
    from tidemill.engine.core.compiler import Compiler

_FUNCTIONS: Final[Mapping[str, type[TaskNode]]] = MappingProxyType(
    {"pace": PaceNode, "split": SplitNode, "waitUntil": WaitUntilNode}
)


def call_node(place: Place, definition: dict[str, Json], compiler: "Compiler") -> TaskNode:
    """The task of a `call`: a function of the document, one of these, or a call of the outside.

    Raises DocumentError.
    """
    called = definition.get("call")
    if called in section(compiler.document, "functions") and called not in PROTOCOLS:
        return FunctionNode(place, definition, compiler)
    # Before ours: a catalog of the document may have taken the name of the default one.
    if is_from_outside(called, section(compiler.document, "catalogs")):
        return FunctionNode(place, definition, compiler)
    if name := default_function(called):
        return _FUNCTIONS[name](place, definition, compiler)
    if called == ASYNCAPI and "subscription" in members(definition.get("with")):
        return SubscriptionNode(place, definition, compiler)
    return CallNode(place, definition, compiler)
