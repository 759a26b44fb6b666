"""The page: what people wrote stays, and what stands between two marks is written anew."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from tidemill.bench.report.document import Document, DocumentError
from tidemill.bench.report.peers import Standing
from tidemill.bench.report.tables import comparison, number, scenario, table

BEGIN: Final = "<!-- written by `tidemill bench --report`: begin -->"
END: Final = "<!-- written by `tidemill bench --report`: end -->"
_NEW: Final = f"# Performance\n\n{BEGIN}\n{END}\n"


def rendered(document: Document, peers: Sequence[Standing], *, picture: str = "") -> str:
    """All results in Markdown; `picture` is the file of the plot, as seen from the page."""
    lines = ["### The machine", "", *table(["what", "value"], _machine(document))]
    lines += ["", "### Engines beside each other", "", *comparison(document, peers)]
    if picture:
        lines += ["", f"![Steps in a second, latencies and CPU time of the runs below]({picture})"]
    for stack in document.stacks():
        lines += ["", f"### Stack `{stack}`"]
        entries = [entry for entry in document.entries if entry.stack == stack]
        for durability in dict.fromkeys(entry.durability for entry in entries):
            lines += ["", f"Durability: {durability}."]
        lines += ["", "Run by:", "", "```sh", *dict.fromkeys(entry.command for entry in entries), "```"]
        for entry in entries:
            lines += ["", *scenario(entry)]
    return "\n".join(lines) + "\n"


def write_page(path: Path, text: str) -> None:
    """Put the text between the page's marks; raises DocumentError for a page without them."""
    page = path.read_text() if path.exists() else _NEW
    path.write_text(replaced(page, text, name=path.name))


def replaced(page: str, text: str, *, name: str = "the page") -> str:
    """The page with the text between its marks; raises DocumentError."""
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise DocumentError(f"{name} lacks the lines {BEGIN} and {END}, between which results are written")
    return f"{before}{BEGIN}\n{text}{END}{after}"


def _machine(document: Document) -> list[list[str]]:
    names = {"cpu": "processor", "memory_gb": "memory, GB", "fsync_p50_ms": "4 KiB on disk, p50 ms"}
    found = [
        [names.get(name, name), number(value) if isinstance(value, int | float) else str(value)]
        for name, value in document.machine.items()
    ]
    versions = {name: version for entry in document.entries for name, version in entry.versions.items()}
    return [*found, *([name, version] for name, version in versions.items() if version)]
