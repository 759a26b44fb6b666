"""The language's own data (examples, invalid documents, schema, scenarios), read by path and never copied."""

import os
import re
import textwrap
from pathlib import Path
from typing import Final

import pytest

from tidemill.dsl import load
from tidemill.json import Json

_PROJECT: Final = Path(__file__).resolve().parents[3]
_YAML_BLOCK: Final = re.compile(r'^( *)"""yaml\n(.*?)^ *"""', re.MULTILINE | re.DOTALL)


def shared_path() -> Path:
    """Where the data should be."""
    return Path(os.environ.get("TIDEMILL_SHARED_DSL", _PROJECT.parent / "shared" / "dsl"))


def shared_directory() -> Path:
    """Where the data is; skips the test where it is not, and fails it under CI."""
    directory = shared_path()
    if directory.is_dir():
        return directory
    message = f"the language's data is not at {directory}"
    if os.environ.get("CI"):
        pytest.fail(message)
    pytest.skip(message)


def documents(kind: str) -> dict[str, str]:
    """The texts of `examples` or `invalid`, by file name."""
    return {path.name: path.read_text() for path in sorted((shared_directory() / kind).glob("*.yaml"))}


def scenario_documents() -> dict[str, dict[str, Json]]:
    """The workflow definitions in the conformance scenarios, by file and position."""
    found = {}
    for path in sorted((shared_directory() / "ctk" / "features").glob("*.feature")):
        for index, match in enumerate(_YAML_BLOCK.finditer(path.read_text())):
            block = textwrap.dedent(match.group(2))
            if block.startswith("document:"):
                found[f"{path.name}#{index}"] = load(block)
    return found
