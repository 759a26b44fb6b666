"""Requests to Kafka that aiokafka has no form for: fetches in a session, and the id of a topic."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO
from typing import Final

from aiokafka.errors import IncompatibleBrokerVersion
from aiokafka.protocol.abstract import AbstractType
from aiokafka.protocol.api import RequestStruct, Response
from aiokafka.protocol.fetch import FetchRequest_v11
from aiokafka.protocol.types import (
    Boolean,
    CompactArray,
    CompactString,
    Int16,
    Int32,
    Schema,
    TaggedFields,
)

ApiVersions = Mapping[int, tuple[int, int]]
FETCH_SESSION_ID_NOT_FOUND: Final = 70
INVALID_FETCH_SESSION_EPOCH: Final = 71
# No session: the request stands alone.
SESSION_EPOCH_NONE: Final = -1


class _TopicId(AbstractType):  # type: ignore[misc] # aiokafka has no types
    """Sixteen bytes."""

    @classmethod
    def encode(cls, value: uuid.UUID) -> bytes:
        return value.bytes

    @classmethod
    def decode(cls, data: BytesIO) -> uuid.UUID:
        return uuid.UUID(bytes=data.read(16))


class _MetadataResponseV10(Response):  # type: ignore[misc]
    """The first version that tells the ids of topics (Kafka 2.8)."""

    API_KEY = 3
    API_VERSION = 10
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        (
            "brokers",
            CompactArray(
                ("node_id", Int32),
                ("host", CompactString("utf-8")),
                ("port", Int32),
                ("rack", CompactString("utf-8")),
                ("tags", TaggedFields),
            ),
        ),
        ("cluster_id", CompactString("utf-8")),
        ("controller_id", Int32),
        (
            "topics",
            CompactArray(
                ("error_code", Int16),
                ("topic", CompactString("utf-8")),
                ("topic_id", _TopicId),
                ("is_internal", Boolean),
                (
                    "partitions",
                    CompactArray(
                        ("error_code", Int16),
                        ("partition", Int32),
                        ("leader", Int32),
                        ("leader_epoch", Int32),
                        ("replicas", CompactArray(Int32)),
                        ("isr", CompactArray(Int32)),
                        ("offline_replicas", CompactArray(Int32)),
                        ("tags", TaggedFields),
                    ),
                ),
                ("authorized_operations", Int32),
                ("tags", TaggedFields),
            ),
        ),
        ("authorized_operations", Int32),
        ("tags", TaggedFields),
    )


class _MetadataRequestV10(RequestStruct):  # type: ignore[misc]
    """Version 10 of the request for metadata."""

    API_KEY = 3
    API_VERSION = 10
    FLEXIBLE_VERSION = True
    RESPONSE_TYPE = _MetadataResponseV10
    SCHEMA = Schema(
        (
            "topics",
            CompactArray(("topic_id", _TopicId), ("topic", CompactString("utf-8")), ("tags", TaggedFields)),
        ),
        ("allow_auto_topic_creation", Boolean),
        ("include_cluster_authorized_operations", Boolean),
        ("include_topic_authorized_operations", Boolean),
        ("tags", TaggedFields),
    )


@dataclass(frozen=True, slots=True)
class DescribeTopic:
    """Asks for one topic's id, partitions and replicas, and never creates it."""

    topic: str

    def prepare(self, versions: ApiVersions) -> _MetadataRequestV10:
        """Fit the request to the broker. Raises IncompatibleBrokerVersion."""
        _check(versions, _MetadataRequestV10)
        return _MetadataRequestV10([(uuid.UUID(int=0), self.topic, {})], False, False, False, {})


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionFetch:
    """A fetch that tells a session only what has changed: shards by offset, and shards to leave out."""

    topic: str
    session_id: int
    session_epoch: int
    offsets: Mapping[int, int]
    forgotten: list[int]
    wait_ms: int
    bytes_max: int
    partition_bytes_max: int

    def prepare(self, versions: ApiVersions) -> FetchRequest_v11:
        """Fit the request to the broker. Raises IncompatibleBrokerVersion."""
        _check(versions, FetchRequest_v11)
        wanted = [(shard, -1, offset, -1, self.partition_bytes_max) for shard, offset in self.offsets.items()]
        return FetchRequest_v11(
            -1,
            self.wait_ms,
            1,
            self.bytes_max,
            0,
            self.session_id,
            self.session_epoch,
            [(self.topic, wanted)] if wanted else [],
            [(self.topic, self.forgotten)] if self.forgotten else [],
            "",
        )


def _check(versions: ApiVersions, form: type[RequestStruct]) -> None:
    oldest, newest = versions.get(form.API_KEY, (0, -1))
    if not oldest <= form.API_VERSION <= newest:
        raise IncompatibleBrokerVersion("the broker is older than Kafka 2.8, or of a version to come")
