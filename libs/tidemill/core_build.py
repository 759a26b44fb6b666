"""Which build of the Engine's core a process takes: the pure Python, or the one that mypyc has compiled."""

from importlib.util import find_spec
from typing import Final

# By name, for libraries import no service; the list of what is compiled begins with it.
_MODULE: Final = "tidemill.engine.core.apply"


def core_build() -> str:
    """`compiled`, `pure`, or `absent` where the Engine is not installed."""
    try:
        spec = find_spec(_MODULE)
    except ModuleNotFoundError:
        return "absent"
    if spec is None or spec.origin is None:
        return "absent"
    return "pure" if spec.origin.endswith(".py") else "compiled"
