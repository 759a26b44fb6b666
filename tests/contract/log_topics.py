"""Topics for tests of the command log in Kafka: each has a name of its own."""

import uuid
from collections.abc import Mapping

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import GroupCoordinatorNotAvailableError

from tests.contract.log_suite import SHARDS
from tidemill.engine.settings import Settings


def kafka_settings(bootstrap: str, **others: object) -> Settings:
    """Settings of a log on a topic that is not there yet; a single broker keeps it."""
    given: dict[str, object] = {
        "store_url": "postgresql://unused",
        "log_url": f"kafka://{bootstrap}/test-{uuid.uuid4().hex}",
        "log_replication_factor": 1,
        "shards": SHARDS,
        **others,
    }
    return Settings(**given)  # type: ignore[arg-type]


def topic_of(settings: Settings) -> str:
    """The topic that the settings name."""
    return settings.log_url.rpartition("/")[2]


class Topics:
    """What an operator does to topics, by Kafka's own client."""

    def __init__(self, bootstrap: str) -> None:
        self._admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)

    async def __aenter__(self) -> "Topics":
        await self._admin.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._admin.close()

    async def create(self, name: str, partitions: int, configs: Mapping[str, str]) -> None:
        topic = NewTopic(name, partitions, 1, topic_configs=dict(configs))
        response = await self._admin.create_topics([topic])
        assert [code for _, code, _ in response.topic_errors] == [0]

    async def delete(self, name: str) -> None:
        response = await self._admin.delete_topics([name])
        assert [code for _, code in response.topic_error_codes] == [0]

    async def committed(self, group: str) -> dict[int, int]:
        """The offsets that a consumer group has committed."""
        try:
            offsets = await self._admin.list_consumer_group_offsets(group)
        except GroupCoordinatorNotAvailableError:
            return {}
        return {place.partition: found.offset for place, found in offsets.items()}
