"""`python -m tests.histories.record`: records the stories that have no history yet. It never replaces one."""

from pathlib import Path

import orjson

from tests.histories.facts import encode_rows, facts
from tests.histories.stories import STORIES
from tests.unit.core.driver import EXECUTION_ID

RECORDED = Path(__file__).parent / "recorded"


def main() -> None:
    """Write what is missing."""
    for name, story in STORIES.items():
        path = RECORDED / f"{name}.json"
        if not path.exists():
            driver = story()
            record = {
                "execution_id": EXECUTION_ID,
                "rows": encode_rows(driver.rows),
                "facts": facts(driver.state),
            }
            path.write_bytes(orjson.dumps(record, option=orjson.OPT_INDENT_2) + b"\n")


if __name__ == "__main__":
    main()
