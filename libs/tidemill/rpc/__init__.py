"""gRPC the Tidemill way: one server set-up, one channel set-up, and typed errors across the wire.

Each name is loaded when it is first asked for: a client has no use for a server, which brings reflection,
health and logging along.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from tidemill.rpc.channel import connect
    from tidemill.rpc.errors import from_rpc_error, typed_errors
    from tidemill.rpc.interceptor import Context
    from tidemill.rpc.options import RpcLimits, RpcOptions
    from tidemill.rpc.server import AddressInUseError, RpcServer, RpcService, build_server

__all__ = [
    "AddressInUseError",
    "Context",
    "RpcLimits",
    "RpcOptions",
    "RpcServer",
    "RpcService",
    "build_server",
    "connect",
    "from_rpc_error",
    "typed_errors",
]

_HOMES: Final = {
    "channel": ("connect",),
    "errors": ("from_rpc_error", "typed_errors"),
    "interceptor": ("Context",),
    "options": ("RpcLimits", "RpcOptions"),
    "server": ("AddressInUseError", "RpcServer", "RpcService", "build_server"),
}
_HOME_OF: Final = {name: home for home, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> object:
    """Find a public name in the module where it is defined (PEP 562)."""
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME_OF[name]}"), name)
