"""Topics for tests of the command log in Kafka: each has a name of its own."""

import uuid

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
