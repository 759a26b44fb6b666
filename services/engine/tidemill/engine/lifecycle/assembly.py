"""The parts that tell lifecycle events, put together: for subscribers always, for a sink where one is set."""

from typing import Protocol

from tidemill.engine.lifecycle.reading import LifecycleReader, ListenTasks
from tidemill.engine.lifecycle.sink import Sink, SinkFeed, SinkLimits
from tidemill.engine.lifecycle.subscriptions import Subscriptions
from tidemill.engine.runtime.assembly import Assembly, Loop
from tidemill.engine.runtime.environment import Environment
from tidemill.engine.settings import Settings
from tidemill.engine.store.port import CursorStore, ReadStore
from tidemill.loops import Stop


class LifecycleStore(ReadStore, CursorStore, Protocol):
    """What lifecycle events are read from."""


class Lifecycle:
    """Stands beside what runs executions and reads what that has committed; it writes cursors alone."""

    def __init__(self, environment: Environment, store: LifecycleStore, parts: Assembly, stop: Stop) -> None:
        settings, metrics = environment.settings, environment.metrics
        self._environment = environment
        self._watchers = parts.memory.watchers
        reader = LifecycleReader(
            store, ListenTasks(parts.catalogue), metrics, page_rows=settings.lifecycle_page_rows
        )
        self.subscriptions = Subscriptions(reader, self._watchers, environment)
        self._feed: SinkFeed | None = None
        if settings.lifecycle_sink:
            self._feed = SinkFeed(reader, store, settings.lifecycle_sink_name, parts.ownership)
            self._open_endpoint(self._feed, stop)

    def _open_endpoint(self, feed: SinkFeed, stop: Stop) -> None:
        # Where there is no sink, nobody needs the HTTP client.
        from tidemill.engine.lifecycle.http import HttpPost

        settings = self._environment.settings
        self._post = HttpPost(settings.lifecycle_sink, stop, timeout_us=settings.lifecycle_sink_timeout_us)
        self._sink = Sink(feed, self._post, _limits(settings), self._environment.metrics)

    async def open(self) -> None:
        """To be called before anything new is committed: the sink begins where it is now."""
        if self._feed is not None:
            await self._feed.open()

    def loops(self) -> list[Loop]:
        """The sink's loop, which commits of this process wake."""
        if self._feed is None:
            return []
        wake = self._watchers.follow_all()
        # Shards that come to this process without a commit are found at the pace of heartbeats.
        idle_us = self._environment.settings.lifecycle_heartbeat_us
        return [Loop("lifecycle-sink", self._sink.run_once, wake, idle_us)]

    async def close(self) -> None:
        """Let go of the sink's connection."""
        if self._feed is not None:
            await self._post.close()


def _limits(settings: Settings) -> SinkLimits:
    return SinkLimits(
        events_max=settings.lifecycle_sink_events_max,
        bytes_max=settings.lifecycle_sink_bytes_max,
        passes_over_refused=settings.lifecycle_sink_pass_over_refused,
    )
