"""gRPC the Tidemill way: one server set-up, one channel set-up, and typed errors across the wire."""

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
