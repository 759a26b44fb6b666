"""The one place where what publishing needs of the outside is put together."""

from pathlib import Path

from tidemill.dsl.limits import PROTO_BYTES_MAX
from tidemill.engine.documents.fetching import Fetcher, FetchLimits
from tidemill.engine.documents.protos import ProtoFaults
from tidemill.engine.documents.sources import Sources
from tidemill.engine.settings import FETCH_HOSTS_VARIABLE, Settings
from tidemill.hosts import parse_hosts
from tidemill.protoc.compiling import ProtoLimits


def sources_of(settings: Settings) -> Sources:
    """What fetches, and what compiles .proto files, by the settings of the Engine."""
    return Sources(_fetcher(settings).fetch, _proto_faults(settings))


def _fetcher(settings: Settings) -> Fetcher:
    limits = FetchLimits(
        timeout_us=settings.fetch_timeout_us,
        bytes_max=settings.fetch_bytes_max,
        redirects_max=settings.fetch_redirects_max,
        at_once_max=settings.fetches_at_once_max,
    )
    folder = Path(settings.fetch_folder) if settings.fetch_folder else None
    hosts = parse_hosts(FETCH_HOSTS_VARIABLE, settings.fetch_hosts)
    return Fetcher(limits, hosts=hosts, folder=folder)


def _proto_faults(settings: Settings) -> ProtoFaults:
    limits = ProtoLimits(
        bytes_max=PROTO_BYTES_MAX,
        timeout_us=settings.grpc_compile_timeout_us,
        at_once_max=settings.grpc_compiles_at_once_max,
    )
    return ProtoFaults(limits)
