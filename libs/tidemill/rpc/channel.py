"""Channels to other services."""

import grpc

from tidemill.rpc.options import RpcOptions, channel_options


def connect(target: str, options: RpcOptions | None = None) -> grpc.aio.Channel:
    """A channel to `host:port`; it connects at the first call, and again whenever the service comes back."""
    options = options or RpcOptions()
    return grpc.aio.insecure_channel(
        target, options=channel_options(options.limits), interceptors=_interceptors(options)
    )


def _interceptors(options: RpcOptions) -> list[grpc.aio.ClientInterceptor]:
    if not options.tracing.enabled:
        return []
    from opentelemetry.instrumentation.grpc import aio_client_interceptors

    return list(aio_client_interceptors(tracer_provider=options.tracing.provider))
