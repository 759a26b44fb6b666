"""The catalogue: every published definition in memory, their plans, and those who watch for changes."""

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from typing import Final

from tidemill import dsl
from tidemill.api.engine.v1 import definition_service_pb2 as pb
from tidemill.api.errors.v1 import error_reason_pb2 as reasons
from tidemill.clock import Clock
from tidemill.engine.core.events import Kind
from tidemill.engine.core.plan import Plan, compile_plan
from tidemill.engine.core.schedules import trigger_plan
from tidemill.engine.core.settings import CoreSettings
from tidemill.engine.core.tasks.registry import KINDS, Kinds
from tidemill.engine.documents.pinning import PinLimits, Pinned, digests_of, pin
from tidemill.engine.documents.protos import refuse_protos
from tidemill.engine.documents.sources import NO_SOURCES, Sources
from tidemill.engine.settings import Settings
from tidemill.engine.store.port import DefinitionStore
from tidemill.engine.store.rows import DefinitionRow
from tidemill.errors import InvalidRequestError, TidemillError, TooLargeError
from tidemill.events.filters import FilterError
from tidemill.events.listens import listens_of
from tidemill.json import Json, dumps_canonical
from tidemill.versions import Version

PROFILE: Final = "owdsl-1.0.3/1"
# Reading it takes milliseconds, as all that is known of a package is parsed.
_RUNTIME_VERSION: Final = version("tidemill")
# Contents of documents that are read from the store at once.
_CONTENTS_A_READ: Final = 16
Key = tuple[str, str, str]


@dataclass(eq=False, slots=True)
class Watcher:
    """One stream that follows the catalogue, and the revision that it has in force.

    One whose stream was lost, at `left_us`, may go on with what it has until its lease has run out.
    """

    name: str
    left_us: int | None = None
    acknowledged: int = 0
    wake: asyncio.Event = field(default_factory=asyncio.Event)


class Catalogue:
    """Definitions are immutable; each publish raises the revision by one.

    What definitions name from outside is fetched before they are stored, and read from the store ever after.
    """

    def __init__(
        self,
        store: DefinitionStore,
        clock: Clock,
        settings: Settings,
        kinds: Kinds = KINDS,
        *,
        sources: Sources = NO_SOURCES,
    ) -> None:
        self._kinds = kinds
        self._sources = sources
        self._pin_limits = PinLimits(
            documents_max=settings.fetches_a_publish_max, timeout_us=settings.fetches_timeout_us
        )
        self._core_settings = CoreSettings(
            payload_bytes_max=settings.payload_bytes_max,
            event_buffer_us=settings.lane_event_us,
            definitions=self._version_of,
            runtime_version=_RUNTIME_VERSION,
        )
        self._store = store
        self._clock = clock
        self._settings = settings
        self._rows: dict[Key, DefinitionRow] = {}
        # The documents of all of them by digest: each once, however many name it.
        self._contents: dict[str, bytes] = {}
        self._latest: dict[tuple[str, str], DefinitionRow] = {}
        self._plans: OrderedDict[Key, Plan] = OrderedDict()
        self._trigger_plans: OrderedDict[Key, Plan | None] = OrderedDict()
        self._watchers: set[Watcher] = set()
        self._acknowledged = asyncio.Event()
        self.revision = 0
        self.closed = False
        self._changed_us = clock.monotonic_us()
        # Set when the revision, or what watchers have of it, has changed.
        self.settled = asyncio.Event()
        # Returns once all other engines have a revision in force.
        self.until_everywhere: Callable[[int], Awaitable[None]] = _at_once

    def close(self) -> None:
        """The process stops: wake all watchers, who then find `closed` set."""
        self.closed = True
        for watcher in self._watchers:
            watcher.wake.set()

    async def load(self) -> None:
        """Read what has been published since the last load."""
        rows = await self._store.definitions(self.revision)
        # Before the rows: whoever finds one may compile it at once.
        await self._load_contents(rows)
        for row in rows:
            if row.revision > self.revision:
                self._add(row)

    async def _load_contents(self, rows: Sequence[DefinitionRow]) -> None:
        wanted = {digest for row in rows if row.pinned for digest in digests_of(row.pinned).values()}
        missing = sorted(wanted - self._contents.keys())
        for first in range(0, len(missing), _CONTENTS_A_READ):
            self._contents.update(await self._store.contents(missing[first : first + _CONTENTS_A_READ]))

    def get(self, namespace: str, name: str, version: str = "") -> DefinitionRow:
        """One version, or the latest. Raises TidemillError (DEFINITION_NOT_FOUND)."""
        row = self._rows.get((namespace, name, version)) if version else self._latest.get((namespace, name))
        if row is None:
            raise not_found(namespace, name, version)
        return row

    def has(self, namespace: str, name: str, version: str) -> bool:
        """Whether the version is known here."""
        return (namespace, name, version) in self._rows

    async def run_once(self) -> bool:
        """Read what other engines have published; whether there was anything."""
        before = self.revision
        await self.load()
        return self.revision > before

    @property
    def settled_revision(self) -> int:
        """The revision that this engine, and all who watch it, have in force. A watcher that is silent, or
        whose stream is lost, is waited for until its lease has run out."""
        now_us = self._clock.monotonic_us()
        held = (watcher.acknowledged for watcher in self._watchers if self._is_awaited(watcher, now_us))
        return min(held, default=self.revision)

    def _is_awaited(self, watcher: Watcher, now_us: int) -> bool:
        if watcher.acknowledged >= self.revision:
            return False
        since_us = self._changed_us if watcher.left_us is None else watcher.left_us
        return now_us < since_us + self._settings.publish_lease_us

    def _version_of(self, namespace: str, name: str, version: str) -> str | None:
        """The version that a start gets, None when there is no such definition."""
        row = self._rows.get((namespace, name, version)) if version else self._latest.get((namespace, name))
        return None if row is None else row.version

    def is_latest(self, row: DefinitionRow) -> bool:
        """Whether the row is the highest version of its name."""
        return self._latest[row.namespace, row.name].revision == row.revision

    def rows(self, after_revision: int = 0) -> Iterator[DefinitionRow]:
        """All versions with a later revision, in order of revision."""
        return (row for row in self._rows.values() if row.revision > after_revision)

    def plan(self, namespace: str, name: str, version: str, kind: Kind = Kind.WORKFLOW) -> Plan:
        """The plan of a version, or of its schedule, compiled on first use.

        Raises TidemillError (DEFINITION_NOT_FOUND).
        """
        key = (namespace, name, version)
        plan = self._trigger_plan(key) if kind is Kind.TRIGGER else self._workflow_plan(key)
        if plan is None:
            raise not_found(*key)
        return plan

    def _workflow_plan(self, key: Key) -> Plan:
        plan = self._plans.get(key)
        if plan is None:
            row = self.get(*key)
            plan = self._compile(dsl.load(row.document), row, self._contents)
            self._keep_plan(key, plan)
        return plan

    def _keep_plan(self, key: Key, plan: Plan) -> None:
        self._plans[key] = plan
        if len(self._plans) > self._settings.plans_cached_max:
            self._plans.popitem(last=False)

    def has_trigger(self, row: DefinitionRow) -> bool:
        """Whether the Engine runs the schedule of a version."""
        # Most documents have none, and reading one is slow.
        if b"schedule" not in row.document and b"\\" not in row.document:
            return False
        return self._trigger_plan((row.namespace, row.name, row.version)) is not None

    def _trigger_plan(self, key: Key) -> Plan | None:
        if key not in self._trigger_plans:
            row = self.get(*key)
            self._trigger_plans[key] = self._compile_trigger(dsl.load(row.document), row.digest)
            if len(self._trigger_plans) > self._settings.plans_cached_max:
                self._trigger_plans.popitem(last=False)
        return self._trigger_plans[key]

    def _compile_trigger(self, document: dict[str, Json], digest: str) -> Plan | None:
        return trigger_plan(document, digest=bytes.fromhex(digest), settings=self._core_settings)

    def _compile(self, document: dict[str, Json], row: DefinitionRow, contents: Mapping[str, bytes]) -> Plan:
        digests = digests_of(row.pinned) if row.pinned else {}
        return compile_plan(
            document,
            digest=bytes.fromhex(row.digest),
            settings=self._core_settings,
            kinds=self._kinds,
            documents={uri: contents[digest] for uri, digest in digests.items()},
        )

    def examine(self, namespace: str, document: bytes) -> tuple[dict[str, Json], list[dsl.Problem]]:
        """Load and check a document; the second part is all that is wrong with it. Raises DocumentError."""
        if len(document) > self._settings.document_bytes_max:
            raise TooLargeError(
                "document_bytes_max", limit_value=self._settings.document_bytes_max, actual=len(document)
            )
        loaded = dsl.load(document)
        problems = dsl.check(loaded)
        header = loaded.get("document")
        if namespace and isinstance(header, dict) and header.get("namespace") != namespace:
            raise InvalidRequestError("namespace", f"the document's namespace is not {namespace!r}")
        return loaded, problems

    async def publish(self, namespace: str, document: bytes) -> tuple[DefinitionRow, bool, list[dsl.Problem]]:
        """Store a version: the row, whether it is new, and warnings. Returns once live watchers have it.

        A version that is there already with the same content keeps the documents that it was published with.
        Raises DocumentError, or TidemillError: a feature not built yet, another content of the same version,
        a document that cannot be fetched.
        """
        loaded, problems = self.examine(namespace, document)
        if errors := [problem for problem in problems if problem.severity == "error"]:
            raise dsl.DocumentError(errors)
        _refuse_unsupported(loaded)
        row = self._row(loaded, document)
        stored = self._rows.get((row.namespace, row.name, row.version)) or await self._store_new(loaded, row)
        _refuse_conflict(stored, row)
        created = (stored.namespace, stored.name, stored.version) not in self._rows
        await self.load()
        await self._wait_for_watchers(stored.revision)
        await self.until_everywhere(stored.revision)
        return stored, created, problems

    async def _store_new(self, loaded: dict[str, Json], row: DefinitionRow) -> DefinitionRow:
        """Store a version that is not known here with what it names; another engine may have been first."""
        pinned = await pin(loaded, self._sources.fetch, self._pin_limits)
        listens = _listens(loaded, pinned.functions) if pinned.functions else row.listens
        row = replace(row, pinned=pinned.encoded(), listens=listens)
        plan = await self._compile_new(loaded, row, pinned)
        await refuse_protos(pinned.protos, self._sources.proto_fault)
        self._compile_trigger(loaded, row.digest)
        stored = await self._store.publish(row, pinned.contents)
        if (stored.digest, stored.pinned) == (row.digest, row.pinned):
            self._keep_plan((row.namespace, row.name, row.version), plan)
        return stored

    async def _compile_new(self, loaded: dict[str, Json], row: DefinitionRow, pinned: Pinned) -> Plan:
        if not pinned.contents:
            return self._compile(loaded, row, pinned.contents)
        # Reading documents of some size takes a while, and others have their turns meanwhile.
        return await asyncio.to_thread(self._compile, loaded, row, pinned.contents)

    def _row(self, loaded: dict[str, Json], document: bytes) -> DefinitionRow:
        header = loaded["document"]
        assert isinstance(header, dict)
        digest = hashlib.sha256(dumps_canonical(loaded)).hexdigest()
        return DefinitionRow(
            namespace=str(header["namespace"]),
            name=str(header["name"]),
            version=str(header["version"]),
            digest=digest,
            document=document,
            published_at_us=self._clock.now_us(),
            profile=PROFILE,
            revision=0,
            listens=_listens(loaded),
        )

    def _add(self, row: DefinitionRow) -> None:
        self._rows[row.namespace, row.name, row.version] = row
        name = (row.namespace, row.name)
        latest = self._latest.get(name)
        if latest is None or Version.parse(row.version) >= Version.parse(latest.version):
            self._latest[name] = row
        self.revision = max(self.revision, row.revision)
        self._changed_us = self._clock.monotonic_us()
        self.settled.set()
        for watcher in self._watchers:
            watcher.wake.set()

    def watch(self, name: str) -> Watcher:
        """Begin to follow: publishes wait for this watcher from now on, as for one of its name before."""
        self._watchers = {other for other in self._watchers if other.left_us is None or other.name != name}
        watcher = Watcher(name)
        self._watchers.add(watcher)
        self._acknowledged.set()
        return watcher

    def unwatch(self, watcher: Watcher) -> None:
        """The stream is lost: publishes wait out its lease, since it may still trust what it has."""
        watcher.left_us = self._clock.monotonic_us()

    def acknowledge(self, watcher: Watcher, revision: int) -> None:
        """The watcher has the revision in force."""
        watcher.acknowledged = max(watcher.acknowledged, revision)
        self._acknowledged.set()
        if watcher.acknowledged >= self.revision:
            self.settled.set()

    async def _wait_for_watchers(self, revision: int) -> None:
        """Wait for every watcher that lived when the revision came, or until its lease has run out."""
        now_us = self._clock.monotonic_us()
        lease_us = self._settings.publish_lease_us
        # Whose lease ran out answers UNAVAILABLE by now: its own, of the Triggers service, is shorter.
        self._watchers = {w for w in self._watchers if w.left_us is None or now_us < w.left_us + lease_us}
        watchers = set(self._watchers)
        ends_us = max((w.left_us + lease_us if w.left_us else now_us + lease_us for w in watchers), default=0)
        try:
            async with asyncio.timeout(max(ends_us - now_us, 0) / 1_000_000):
                while any(watcher.acknowledged < revision for watcher in watchers & self._watchers):
                    self._acknowledged.clear()
                    await self._acknowledged.wait()
        except TimeoutError:
            return


async def _at_once(_revision: int) -> None:
    return None


def not_found(namespace: str, name: str, version: str) -> TidemillError:
    """The error for a definition that is not there."""
    wanted = f"{namespace}/{name}" + (f":{version}" if version else "")
    return TidemillError(
        reasons.ERROR_REASON_DEFINITION_NOT_FOUND,
        f"there is no definition {wanted}",
        {"workflow": name, "version": version},
    )


def _listens(loaded: dict[str, Json], functions: Sequence[Json] = ()) -> bytes:
    """What a document listens to, as the part of a Definition that says it. Raises DocumentError."""
    try:
        found = listens_of(loaded, functions)
    except FilterError as error:
        raise dsl.DocumentError([dsl.Problem(error.pointer, error.message)]) from None
    message = pb.Definition()
    for each in found:
        message.listens.add(
            event_type=each.event_type,
            own_lane=each.own_lane,
            correlation_lane=each.correlation_lane,
            ordering_key=each.ordering_key,
        )
    return message.SerializeToString()


def _refuse_unsupported(loaded: dict[str, Json]) -> None:
    problems = dsl.unsupported(loaded)
    if problems:
        raise TidemillError(
            reasons.ERROR_REASON_UNSUPPORTED_FEATURE,
            "\n".join(map(str, problems)),
            {"problems": str(len(problems)), "pointer": problems[0].pointer},
        )


def _refuse_conflict(stored: DefinitionRow, row: DefinitionRow) -> None:
    if stored.digest != row.digest:
        raise TidemillError(
            reasons.ERROR_REASON_DEFINITION_CONFLICT,
            f"{row.namespace}/{row.name}:{row.version} is published with other content: raise the version",
            {"workflow": row.name, "version": row.version, "digest": stored.digest},
        )
