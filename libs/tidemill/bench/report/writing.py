"""Writes a report: `NAME.json`, `NAME.png` and `NAME.md`."""

from collections.abc import Sequence
from pathlib import Path

from tidemill.bench.report.document import Document, read_document, write_document
from tidemill.bench.report.page import rendered, write_page
from tidemill.bench.report.peers import read_peers
from tidemill.bench.report.plot import write_plot


def write_report(name: Path, newer: Document, *, order: Sequence[str], peers: Path) -> Document:
    """Put the newer results among those that the report has; `order` is that of the scenarios.

    Raises DocumentError and PlotError.
    """
    document, picture = name.with_suffix(".json"), name.with_suffix(".png")
    older = read_document(document)
    whole = (newer if older is None else older.merged(newer)).sorted(order)
    write_document(document, whole)
    standings = read_peers(peers)
    write_plot(picture, whole, standings)
    write_page(name.with_suffix(".md"), rendered(whole, standings, picture=picture.name))
    return whole
