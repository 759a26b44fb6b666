"""`python -m tidemill.rpc.probe HOST:PORT`: exit code 0 when the server there says that it serves.

For the health checks of containers, which start it again and again: without `asyncio` and our own channel.
"""

import argparse
import sys
from typing import Final

PROBE_SECONDS: Final = 3.0
HEALTHY: Final = 0
UNHEALTHY: Final = 1


def probe(address: str, *, seconds: float = PROBE_SECONDS) -> str | None:
    """Ask once; returns what is wrong, None when nothing is."""
    import grpc
    from grpc_health.v1 import health_pb2, health_pb2_grpc

    # A proxy of the environment is for the world outside.
    with grpc.insecure_channel(address, options=[("grpc.enable_http_proxy", 0)]) as channel:
        try:
            check = health_pb2_grpc.HealthStub(channel).Check  # type: ignore[attr-defined] # not in its stubs
            answer = check(health_pb2.HealthCheckRequest(), timeout=seconds)
        except grpc.RpcError as error:
            return f"{address} does not answer: {error.code().name}"
    state = health_pb2.HealthCheckResponse.ServingStatus.Name(answer.status)
    return None if answer.status == health_pb2.HealthCheckResponse.SERVING else f"{address} says {state}"


def main() -> int:
    """The exit code; what is wrong is written in one line."""
    parser = argparse.ArgumentParser(prog="python -m tidemill.rpc.probe", description=__doc__)
    parser.add_argument("address", metavar="HOST:PORT")
    parser.add_argument("--seconds", type=float, default=PROBE_SECONDS, help="how long to wait for an answer")
    arguments = parser.parse_args()
    wrong = probe(arguments.address, seconds=arguments.seconds)
    if wrong is None:
        return HEALTHY
    sys.stderr.write(f"{wrong}\n")
    return UNHEALTHY


if __name__ == "__main__":
    sys.exit(main())
