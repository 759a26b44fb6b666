"""The results as a picture. Needs the extra `bench`; matplotlib is imported only here, when one is drawn."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tidemill.bench.report.document import Document, Entry
from tidemill.bench.report.peers import Standing, ours

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_INCHES: Final = (13.0, 9.0)
_DPI: Final = 110
# Their cases differ in what each step does.
_PACES: Final = ("throughput", "steps", "payloads", "expressions")
_TIMES: Final = ("latency", "lane")
_STEPS: Final = "steps_per_s"
_COST: Final = "cpu_s_per_1k_steps"

Bar = tuple[str, float]


class PlotError(Exception):
    """No picture can be drawn. The message is one line for people."""


def write_plot(path: Path, document: Document, peers: Sequence[Standing]) -> None:
    """Draw everything into a PNG file; raises PlotError where matplotlib is not installed."""
    try:
        import matplotlib as mpl
    except ImportError:
        raise PlotError("matplotlib is not installed: pip install 'tidemill[bench]'") from None
    mpl.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(2, 2, figsize=_INCHES, layout="constrained")
    _bars(axes[0][0], "Steps in a second", paces(document))
    _bars(axes[0][1], "Steps in a second, beside other engines", engines(document, peers))
    _bars(axes[1][0], "One execution, p50 and p99 in ms (log)", times(document), log=True)
    _bars(axes[1][1], "CPU seconds for 1,000 steps, by process", costs(document))
    figure.savefig(path, dpi=_DPI, metadata={"Software": None})
    pyplot.close(figure)


def paces(document: Document) -> list[Bar]:
    """Steps in a second by scenario and case."""
    return [
        (f"{label}: {case}", figures[_STEPS].median)
        for label, entry in _entries(document, _PACES)
        for case, figures in entry.cases.items()
        if _STEPS in figures
    ]


def times(document: Document) -> list[Bar]:
    """Latencies by scenario and case."""
    return [
        (f"{label}: {case}, {name}", figures[f"{name}_ms"].median)
        for label, entry in _entries(document, _TIMES)
        for case, figures in entry.cases.items()
        for name in ("p50", "p99")
        if f"{name}_ms" in figures
    ]


def costs(document: Document) -> list[Bar]:
    """What 1,000 steps cost each process under load."""
    return [
        (f"{label}: {figure.partition('.')[2]}", summary.median)
        for label, entry in _entries(document, ("throughput",))
        for figures in entry.cases.values()
        for figure, summary in figures.items()
        if figure.startswith(f"{_COST}.")
    ]


def engines(document: Document, peers: Sequence[Standing]) -> list[Bar]:
    """Steps in a second of our stacks and of the peers."""
    return [
        (f"{row.peer} {row.version}", row.steps_per_s)
        for row in [*ours(document), *peers]
        if row.steps_per_s is not None
    ]


def _entries(document: Document, scenarios: Iterable[str]) -> list[tuple[str, Entry]]:
    """Each scenario on each stack, with what it is called."""
    found = [(name, stack, document.of(name, stack)) for stack in document.stacks() for name in scenarios]
    return [(f"{stack} {name}", entry) for name, stack, entry in found if entry is not None]


def _bars(axes: "Axes", title: str, bars: Sequence[Bar], *, log: bool = False) -> None:
    axes.set_title(title, fontsize=10, loc="left")
    axes.tick_params(labelsize=7)
    if not bars:
        axes.text(0.5, 0.5, "not measured", ha="center", va="center", fontsize=8)
        axes.set_axis_off()
        return
    places = range(len(bars))
    drawn = axes.barh(places, [value for _, value in bars])
    axes.set_yticks(places, [name for name, _ in bars])
    axes.invert_yaxis()
    # The bars have their numbers.
    axes.xaxis.set_visible(False)
    if log:
        axes.set_xscale("log")
    axes.bar_label(drawn, labels=[f"{value:,.4g}" for _, value in bars], fontsize=7, padding=2)
    axes.margins(x=0.15)
