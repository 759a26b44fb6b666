"""What docs/time.md shows in tables is what the code does."""

import re
from datetime import datetime
from pathlib import Path

import pytest

from tests.unit.libs.civil.clocks import text_of, utc
from tidemill.civil.fire_times import CronTimes
from tidemill.civil.missed import LATE_US_MAX, due_fires, parse_missed_fires
from tidemill.civil.timestamps import parse_instant
from tidemill.civil.windows import parse_window
from tidemill.civil.zones import instant_of, load_zone
from tidemill.json import loads

PAGE = (Path(__file__).parents[4] / "docs/time.md").read_text()
TABLE = re.compile(r"^\|(.+)\|\n\|[-| ]+\|\n((?:\|.*\|\n)+)", re.MULTILINE)


def cells(line: str) -> list[str]:
    return [cell.strip().strip("`") for cell in line.strip().strip("|").split("|")]


TABLES = {
    tuple(cells(table[1])): [cells(row) for row in table[2].splitlines()] for table in TABLE.finditer(PAGE)
}


def rows(*header: str) -> list[list[str]]:
    """The rows of the table that has this header; a test without rows would prove nothing."""
    found = TABLES[header]
    assert len(found) >= 3
    return [row[: len(header)] for row in found]


@pytest.mark.parametrize("row", rows("zone", "the clocks say", "it is, in UTC", "why"), ids=str)
def test_times_of_the_clock(row: list[str]) -> None:
    zone, local, instant, _ = row
    assert text_of(instant_of(datetime.fromisoformat(local), load_zone(zone))) == instant


@pytest.mark.parametrize("row", rows("written", "it is, in UTC", "what it is"), ids=str)
def test_times_as_they_are_written(row: list[str]) -> None:
    written, instant, _ = row
    assert text_of(parse_instant(loads(written), load_zone("Europe/Berlin"))) == instant


@pytest.mark.parametrize("row", rows("expression", "zone", "after, in UTC", "fires, in UTC"), ids=str)
def test_cron(row: list[str]) -> None:
    expression, zone, after, fires = row
    times = CronTimes(expression, load_zone(zone))
    time_us: int | None = utc(after)
    for expected in fires.split(", "):
        assert time_us is not None
        time_us = times.after(time_us)
        assert text_of(time_us) == expected


@pytest.mark.parametrize("row", rows("window", "zone", "now, in UTC", "goes on, in UTC"), ids=str)
def test_windows(row: list[str]) -> None:
    window, zone, now, opening = row
    assert text_of(parse_window(loads(window), load_zone(zone)).opening(utc(now))) == opening


@pytest.mark.parametrize("row", rows("policy", "back at", "starts", "not started"), ids=str)
def test_missed_fire_times(row: list[str]) -> None:
    policy, now, starts, missed = row
    hourly = CronTimes("0 * * * *", load_zone("UTC"))
    found = due_fires(hourly, utc("2025-06-06 08:00"), utc(now), parse_missed_fires(loads(policy)))
    assert ", ".join(map(text_of, found.starts)) == ("" if starts == "none" else starts)
    assert found.missed == int(missed)


def test_the_window_that_is_shown_and_the_names_of_policies_are_read() -> None:
    (shown,) = re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)
    assert parse_window(loads(shown), load_zone("UTC")).days == {0, 1, 2, 3, 5}
    names = [name.partition("`")[0] for name, _ in rows("policy", "starts")]
    assert names == ["skip", "one", "{ all: N }"]
    assert parse_missed_fires(None) == parse_missed_fires("one")


def test_on_time_is_the_minute_that_the_page_says() -> None:
    assert LATE_US_MAX == 60_000_000
    assert "when it is at most a minute late" in PAGE
