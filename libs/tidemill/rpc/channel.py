"""Channels to other services."""

from ipaddress import ip_address
from typing import Final

import grpc

from tidemill.rpc.addresses import split_address
from tidemill.rpc.options import RpcOptions, channel_options, name_options
from tidemill.rpc.spread import SpreadChannel

# A socket in the file system, which gRPC takes as it is.
_SOCKET: Final = "unix:"


def connect(target: str, options: RpcOptions | None = None) -> grpc.aio.Channel:
    """A channel to `host:port`, or to several with commas between them.

    It connects at the first call, and again whenever a service comes back. Of several addresses, and of those
    that one name stands for, the connected ones take the calls in turn; the dead are passed over.
    """
    options = options or RpcOptions()
    channels = [_channel(address.strip(), options) for address in target.split(",")]
    return channels[0] if len(channels) == 1 else SpreadChannel(channels)


def _channel(address: str, options: RpcOptions) -> grpc.aio.Channel:
    settings = channel_options(options.limits)
    if _is_name(address):
        settings += name_options(options.limits)
    return grpc.aio.insecure_channel(address, options=settings, interceptors=_interceptors(options))


def _is_name(address: str) -> bool:
    if address.startswith(_SOCKET):
        return False
    host, _ = split_address("the target", address)
    try:
        ip_address(host.strip("[]"))
    except ValueError:
        return True
    return False


def _interceptors(options: RpcOptions) -> list[grpc.aio.ClientInterceptor]:
    if not options.tracing.enabled:
        return []
    from opentelemetry.instrumentation.grpc import aio_client_interceptors

    return list(aio_client_interceptors(tracer_provider=options.tracing.provider))
