"""jq's own test programs, out of the source of the `jq` package that the tests compare with.

Nothing of them is kept in the repository: pip fetches the source, and an ignored folder keeps it.
"""

import io
import os
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Final

import pytest

_CACHE: Final = Path(__file__).parents[3] / ".make" / "jq"
_DOWNLOAD_SECONDS_MAX: Final = 240


@dataclass(frozen=True, slots=True)
class Case:
    """One program of the suite: its input and its outputs as JSON texts, or none when it must not compile."""

    file: str
    program: str
    input: str | None
    outputs: tuple[str, ...]


def suite_cases() -> list[Case]:
    """Every program of every test file; skips the test where there is no source, and fails it under CI."""
    return [case for name, text in sorted(_test_files().items()) for case in _cases(name, text)]


def _test_files() -> dict[str, str]:
    found = {}
    with tarfile.open(_source()) as package:
        inner = next(member for member in package.getnames() if "/deps/jq-" in member)
        content = package.extractfile(inner)
        assert content is not None
        with tarfile.open(fileobj=io.BytesIO(content.read())) as source:
            for member in source.getmembers():
                path = Path(member.name)
                if path.suffix == ".test" and path.parent.name == "tests":
                    file = source.extractfile(member)
                    assert file is not None
                    found[path.name] = file.read().decode()
    return found


def _source() -> Path:
    name = f"jq-{version('jq')}.tar.gz"
    kept = _CACHE / name
    if not kept.is_file():
        _CACHE.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=_CACHE) as directory:
            _download(directory)
            (Path(directory) / name).replace(kept)
    return kept


def _download(directory: str) -> None:
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
    command += ["--no-deps", "--no-binary", "jq", "--dest", directory, f"jq=={version('jq')}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=_DOWNLOAD_SECONDS_MAX)
    if done.returncode == 0:
        return
    message = f"pip cannot fetch the source of jq: {done.stderr.strip().splitlines()[-1:]}"
    if os.environ.get("CI"):
        pytest.fail(message)
    pytest.skip(message)


def _cases(file: str, text: str) -> Iterator[Case]:
    """Blocks of lines: program, input, outputs; or %%FAIL, program, message."""
    for block in _blocks(text):
        if block[0].startswith("%%FAIL"):
            yield Case(file, block[1], None, ())
        else:
            yield Case(file, block[0], block[1].removeprefix("\ufeff"), tuple(block[2:]))


def _blocks(text: str) -> Iterator[list[str]]:
    block: list[str] = []
    for line in [*text.split("\n"), ""]:
        if line.strip() and not line.lstrip().startswith("#"):
            block.append(line)
        elif block:
            yield block
            block = []
