"""The one place where the Engine is put together."""

import os
import socket
from dataclasses import replace
from functools import partial
from typing import Final

from tidemill.api.engine.v1 import dead_letter_service_pb2_grpc as dead_letter_grpc
from tidemill.api.engine.v1 import definition_service_pb2_grpc as definition_grpc
from tidemill.api.engine.v1 import execution_service_pb2_grpc as execution_grpc
from tidemill.api.engine.v1 import lifecycle_service_pb2_grpc as lifecycle_grpc
from tidemill.api.engine.v1 import namespace_service_pb2_grpc as namespace_grpc
from tidemill.backoff import Backoff
from tidemill.engine.api.dead_letters import DeadLetterApi
from tidemill.engine.api.definitions import DefinitionApi
from tidemill.engine.api.executions import ExecutionApi
from tidemill.engine.api.lifecycle import LifecycleApi
from tidemill.engine.api.namespaces import NamespaceApi
from tidemill.engine.api.reads import Reads
from tidemill.engine.core.tasks.registry import KINDS, Kinds
from tidemill.engine.lifecycle.assembly import Lifecycle
from tidemill.engine.runtime.assembly import Assembly, Loop
from tidemill.engine.runtime.environment import Environment
from tidemill.engine.runtime.stream import ActionStream
from tidemill.engine.settings import ACTIONS_VARIABLE
from tidemill.engine.storage import Storage, open_storage
from tidemill.loops import Pacing, Stop, run_loop
from tidemill.rpc.addresses import split_addresses
from tidemill.rpc.options import RpcOptions
from tidemill.rpc.server import RpcServer, RpcService, build_server
from tidemill.storage import StorageUnavailableError
from tidemill.supervision import Supervisor
from tidemill.telemetry.logging import get_logger

_STOP_GRACE_SECONDS: Final = 2.0
_SECOND_US: Final = 1_000_000
_log = get_logger(__name__)


class Engine:
    """One Engine process: its files, its loops, its server."""

    def __init__(self, environment: Environment, storage: Storage, kinds: Kinds) -> None:
        self._environment = environment
        self._storage = storage
        self._stop = Stop()
        self._supervisor = Supervisor(self._stop)
        self._server: RpcServer | None = None
        settings, metrics = environment.settings, environment.metrics
        # Not the same twice: what an earlier process of this host and number held is not this one's.
        owner = f"{socket.gethostname()}:{os.getpid()}:{os.urandom(4).hex()}"
        self.assembly = Assembly(environment, storage.store, storage.log, owner=owner, kinds=kinds)
        self._lifecycle = Lifecycle(environment, storage.store, self.assembly, self._stop)
        self._options = RpcOptions(metrics=metrics, tracing=environment.tracing)
        self._streams = [
            ActionStream(address, self.assembly.memory.calls, owner, self._options)
            for address in split_addresses(ACTIONS_VARIABLE, settings.actions)
        ]
        self._pacing = partial(Pacing, clock=environment.clock, metrics=metrics)

    async def start(self) -> str:
        """Read what is on disk, bind and take calls; returns the address. Raises AddressInUseError."""
        await self.assembly.open()
        await self._lifecycle.open()
        self._server = build_server(self._environment.settings.listen, self._services(), self._options)
        self._start_loops()
        await self._server.start()
        return self._server.address

    async def serve(self) -> None:
        """Serve until SIGTERM, SIGINT, `ask_to_stop` or a fatal error, which is raised after the stop."""
        try:
            await self._supervisor.run(drain=self._drain)
        finally:
            await self.close()

    def ask_to_stop(self) -> None:
        """Begin to stop, as a signal would."""
        self._supervisor.ask()

    async def close(self) -> None:
        """Let go of the files, of the Action services and of the sink."""
        for stream in self._streams:
            await stream.close()
        await self._lifecycle.close()
        await self._storage.close()

    async def _drain(self) -> None:
        """Take nothing more, let requests end. All else is on disk: the next process goes on with it."""
        assert self._server is not None
        await self._server.set_serving(False)
        self.assembly.ingress.close()
        self.assembly.memory.watchers.close()
        self.assembly.catalogue.close()
        await self._server.stop(_STOP_GRACE_SECONDS)
        try:
            await self.assembly.membership.leave()
        except StorageUnavailableError as error:
            _log.warning("the shards are not handed over; others take them in a while", error=str(error))

    def _start_loops(self) -> None:
        calls = [
            Loop(f"calls of {stream.address}", partial(stream.run_once, self._stop), None, None, _SECOND_US)
            for stream in self._streams
        ]
        for loop in (*self.assembly.loops(), *self._lifecycle.loops(), *calls):
            pacing = self._pacing(idle_us=loop.idle_us, backoff=Backoff(max_us=loop.backoff_us_max))
            running = run_loop(loop.step, name=loop.name, stop=self._stop, pacing=pacing, wake=loop.wake)
            self._supervisor.start(loop.name, running)

    def _services(self) -> list[RpcService]:
        store, settings = self._storage.store, self._environment.settings
        parts, memory = self.assembly, self.assembly.memory
        reads = Reads(store, memory.progress, memory.watchers, settings, check=self._environment.check)
        definitions = DefinitionApi(parts.catalogue, parts.schedules, settings)
        executions = ExecutionApi(parts.ingress, reads, settings)
        letters = DeadLetterApi(store, parts.ingress, reads, settings)
        lifecycle = LifecycleApi(self._lifecycle.subscriptions)
        namespaces = NamespaceApi(store, settings)
        return [
            RpcService(
                "tidemill.api.engine.v1.DefinitionService",
                partial(definition_grpc.add_DefinitionServiceServicer_to_server, definitions),
            ),
            RpcService(
                "tidemill.api.engine.v1.ExecutionService",
                partial(execution_grpc.add_ExecutionServiceServicer_to_server, executions),
            ),
            RpcService(
                "tidemill.api.engine.v1.DeadLetterService",
                partial(dead_letter_grpc.add_DeadLetterServiceServicer_to_server, letters),
            ),
            RpcService(
                "tidemill.api.engine.v1.LifecycleService",
                partial(lifecycle_grpc.add_LifecycleServiceServicer_to_server, lifecycle),
            ),
            RpcService(
                "tidemill.api.engine.v1.NamespaceService",
                partial(namespace_grpc.add_NamespaceServiceServicer_to_server, namespaces),
            ),
        ]


async def build(environment: Environment, *, kinds: Kinds = KINDS) -> Engine:
    """Put an Engine together on what its settings name; raises what `open_storage` raises."""
    storage = await open_storage(environment)
    return Engine(replace(environment, blobs=storage.blobs), storage, kinds)
