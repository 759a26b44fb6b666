"""Pages that show a document and its diagrams, each in a block of its language."""

import re
from pathlib import Path
from typing import Final

_BLOCK: Final = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(page: Path) -> dict[str, str]:
    """What a page shows, by language."""
    return {block[1]: block[2] for block in _BLOCK.finditer(page.read_text())}
