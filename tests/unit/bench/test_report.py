"""What a run of scenarios comes to: medians, a document that later runs renew, a page, a comparison."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

import orjson
import pytest

from tidemill.bench.report.document import (
    Circumstances,
    Document,
    DocumentError,
    Entry,
    entry_of,
    read_document,
    write_document,
)
from tidemill.bench.report.page import BEGIN, END, rendered, replaced, write_page
from tidemill.bench.report.peers import Standing, ours, read_peers
from tidemill.bench.report.plot import costs, engines, paces, times, write_plot
from tidemill.bench.report.tables import comparison, number, scenario
from tidemill.bench.scenario import Cases, Scenario, Target
from tidemill.bench.stage import Stage
from tidemill.bench.suite import Outcome
from tidemill.bench.summary import Summary, summarise
from tidemill.json import Json

MACHINE: dict[str, Json] = {"cpu": "a processor", "cores": 2, "memory_gb": 8.0, "fsync_p50_ms": 1.5}
CIRCUMSTANCES = Circumstances(
    stack="embedded", date="2026-01-02T03:04Z", command="tidemill bench", versions={"tidemill": "1.2.3"}
)
RUNS: list[Cases] = [
    {"5 steps": {"steps_per_s": 1000.0, "cpu_s_per_1k_steps": 0.5, "cpu_s_per_1k_steps.engine": 0.25}},
    {"5 steps": {"steps_per_s": 3000.0, "cpu_s_per_1k_steps": 0.5}},
    {"5 steps": {"steps_per_s": 2000.0, "cpu_s_per_1k_steps": 0.5}},
]
PEER = Standing(peer="Other", version="9", durability="none", steps_per_s=500.0, cpu_s_per_1k_steps=1.0)


@dataclass(frozen=True, kw_only=True)
class Tried(Scenario):
    """What is
    tried."""

    name = "throughput"
    targets: ClassVar[list[Target]] = [Target(case="5 steps", figure="steps_per_s", at_least=2500)]

    executions: int = 2_000

    async def run(self, stage: Stage) -> Cases:
        return {}


OUTCOME = Outcome(Tried(), "fsync", 3, summarise(RUNS), [])


def entry(**changes: object) -> Entry:
    return replace(entry_of(OUTCOME, CIRCUMSTANCES), **changes)  # type: ignore[arg-type]


def alone(stack: str = "embedded") -> Entry:
    figures = {"alone": {"p50_ms": Summary(1.0, 1.0, 1.0), "p99_ms": Summary(2.0, 2.0, 2.0)}}
    return entry(scenario="latency", stack=stack, cases=figures, targets=[])


def document(*entries: Entry) -> Document:
    return Document(MACHINE, entries or (entry(), alone()))


def test_runs_come_to_the_median_the_least_and_the_most_of_each_figure() -> None:
    assert summarise(RUNS)["5 steps"] == {
        "steps_per_s": Summary(2000.0, 1000.0, 3000.0),
        "cpu_s_per_1k_steps": Summary(0.5, 0.5, 0.5),
        "cpu_s_per_1k_steps.engine": Summary(0.25, 0.25, 0.25),
    }


def test_an_outcome_knows_which_targets_were_missed() -> None:
    assert OUTCOME.missed() == Tried.targets
    assert replace(OUTCOME, cases=summarise(RUNS[1:2])).missed() == []
    assert replace(OUTCOME, cases={}).missed() == Tried.targets


@pytest.mark.parametrize(("value", "met"), [(0.9, False), (1, True), (2, True), (2.1, False)])
def test_a_target_has_two_ends(value: float, met: bool) -> None:
    assert Target(case="", figure="", at_least=1, at_most=2).is_met(value) is met


def test_a_document_is_read_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "below" / "results.json"
    written = Document(MACHINE, [entry(), alone()])
    write_document(path, written)
    assert read_document(path) == written
    said = orjson.loads(path.read_bytes())["results"][0]
    assert said["about"] == "What is tried."
    assert said["parameters"] == {"executions": 2000}
    assert said["checked"] is True
    assert said["cases"]["5 steps"]["steps_per_s"] == {"median": 2000.0, "least": 1000.0, "most": 3000.0}


def test_there_may_be_no_document_yet_but_not_another_file(tmp_path: Path) -> None:
    assert read_document(tmp_path / "none.json") is None
    for text in ("{", "{}", '{"schema": 0}', '{"schema": 1, "machine": {}, "results": [{}]}'):
        (tmp_path / "bad.json").write_text(text)
        with pytest.raises(DocumentError):
            read_document(tmp_path / "bad.json")


def test_newer_results_replace_those_that_they_repeat_on_the_same_machine() -> None:
    newer = Document({**MACHINE, "fsync_p50_ms": 9.0}, [entry(date="later"), entry(stack="kafka")])
    merged = document().merged(newer).sorted(["latency", "throughput"])
    assert [(found.stack, found.scenario, found.date) for found in merged.entries] == [
        ("embedded", "latency", "2026-01-02T03:04Z"),
        ("embedded", "throughput", "later"),
        ("kafka", "throughput", "2026-01-02T03:04Z"),
    ]
    assert merged.machine["fsync_p50_ms"] == 9.0
    assert document().merged(Document({**MACHINE, "cores": 64}, [alone()])).entries == [alone()]


def test_a_scenario_is_a_table_with_its_targets_and_what_is_wrong() -> None:
    lines = scenario(entry(faults=["one is lost"]))
    assert lines[2] == (
        "What is tried. (executions 2,000; medians of 3 runs, with least and most, 2026-01-02T03:04Z)"
    )
    assert "| steps_per_s | 2,000 (1,000 to 3,000) |" in lines
    assert "| cpu_s_per_1k_steps | 0.5 |" in lines
    assert "Target: `steps_per_s` at least 2,500: 2,000, **missed**." in lines
    assert lines[-1] == "**Not right:** one is lost"


@pytest.mark.parametrize(
    ("value", "text"), [(0, "0"), (20, "20"), (0.12345, "0.123"), (123.456, "123.5"), (12345.6, "12,346")]
)
def test_numbers_have_the_digits_that_were_measured(value: float, text: str) -> None:
    assert number(value) == text


def test_engines_are_compared_by_how_many_times_ours_is_theirs() -> None:
    lines = comparison(document(), [PEER])
    assert lines[0].startswith(
        "| engine | version | steps/s | ours to its steps/s | CPU s for 1,000 steps | its"
    )
    assert lines[2] == "| Tidemill, embedded | 1.2.3 | 2,000 | - | 0.5 | - | 1 | 2 | fsync |"
    assert lines[3] == "| Other | 9 | 500 | 4.0 (embedded) | 1 | 2.0 (embedded) | - | - | none |"


def test_a_peer_is_compared_with_the_stack_that_it_names_or_with_each() -> None:
    both = document(entry(), entry(stack="kafka"))
    assert "4.0 (embedded), 4.0 (kafka)" in comparison(both, [PEER])[-1]
    assert "| 4.0 (kafka) |" in comparison(both, [replace(PEER, stack="kafka", note="Apart.")])[-3]
    assert comparison(both, [replace(PEER, note="Apart.")])[-1] == "Other 9: Apart."
    assert "ours" not in comparison(both, [])[0]


def test_peers_are_read_as_the_readme_says(tmp_path: Path) -> None:
    path = tmp_path / "peers.json"
    assert read_peers(path) == []
    readme = (Path(__file__).parents[3] / "bench" / "README.md").read_text()
    path.write_text(readme.partition("```json\n")[2].partition("```")[0])
    (peer,) = read_peers(path)
    assert (peer.peer, peer.steps_per_s, peer.p99_ms, peer.stack) == ("Example", 1234.5, 45.6, "")
    row = {"peer": "a", "version": "1", "durability": "", "steps_per_s": None, "cpu_s_per_1k_steps": 1}
    path.write_bytes(orjson.dumps([{**row, "p50_ms": None, "p99_ms": 2, "executions": 10}]))
    assert read_peers(path)[0].steps_per_s is None
    for text in ("{", "[1]", "[{}]"):
        path.write_text(text)
        with pytest.raises(DocumentError):
            read_peers(path)


def test_ours_is_what_throughput_and_latency_found() -> None:
    (own,) = ours(document())
    assert (own.steps_per_s, own.cpu_s_per_1k_steps, own.p50_ms, own.p99_ms) == (2000.0, 0.5, 1.0, 2.0)
    assert ours(document(alone())) == []
    assert ours(document(entry(cases={}))) == []


def test_a_page_keeps_what_people_wrote() -> None:
    page = f"before\n{BEGIN}\nold\n{END}\nafter\n"
    assert replaced(page, "new\n") == f"before\n{BEGIN}\nnew\n{END}\nafter\n"
    with pytest.raises(DocumentError):
        replaced("no marks", "new")


def test_a_page_that_is_not_there_is_made_and_then_renewed(tmp_path: Path) -> None:
    path = tmp_path / "performance.md"
    for picture in ("first.png", "second.png"):
        write_page(path, rendered(document(), [PEER], picture=picture))
    text = path.read_text()
    assert "second.png" in text
    assert "first.png" not in text
    assert "| processor | a processor |" in text
    assert "Durability: fsync." in text
    assert "```sh\ntidemill bench\n```" in text


def test_the_picture_shows_paces_times_costs_and_engines(tmp_path: Path) -> None:
    assert paces(document()) == [("embedded throughput: 5 steps", 2000.0)]
    assert [value for _, value in times(document())] == [1.0, 2.0]
    assert costs(document()) == [("embedded throughput: engine", 0.25)]
    assert engines(document(), [PEER, replace(PEER, steps_per_s=None)])[1:] == [("Other 9", 500.0)]
    pytest.importorskip("matplotlib")
    for found in (document(), document(alone())):
        write_plot(tmp_path / "plot.png", found, [])
        assert (tmp_path / "plot.png").read_bytes().startswith(b"\x89PNG")
