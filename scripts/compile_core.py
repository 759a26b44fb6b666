"""Compiles the Engine's core with mypyc, beside a copy of its sources, and runs a command with it.

    scripts/compile_core.py              build what is compiled anew, unless it is current
    scripts/compile_core.py COMMAND ...  the same, then run a command with the compiled core
    scripts/compile_core.py --into PATH  add it to an Engine that was just installed in PATH from these

The last is for images, which are made anew with each release. The folder of the sources never holds anything
compiled: so nothing compiled is ever older than the source beside it, and whatever does not ask for the
compiled core runs the pure one.
"""

import hashlib
import os
import shutil
import subprocess
import sys
from contextlib import chdir
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[1]
BUILT: Final = ROOT / "build" / "compiled"
ENGINE: Final = Path("tidemill/engine")
# What a step spends its time in: deciders, the fold, and the records that history is made of. Kinds of tasks
# stay as they are, for mypyc has no multiple inheritance; and so does all that awaits.
MODULES: Final = (
    "core/apply",
    "core/apply_waits",
    "core/commands",
    "core/decide",
    "core/decision",
    "core/delivering",
    "core/effects",
    "core/entry",
    "core/evaluation",
    "core/events",
    "core/frames",
    "core/keys",
    "core/lifecycle",
    "core/payload",
    "core/resuming",
    "core/state",
    "core/turn",
    "core/variables",
    "event_records",
    "record_values",
    "records",
    "wait_records",
)
_SHARED_LIBRARY: Final = "tidemill_core"
# What a build follows from; mypyc takes types and constants from the libraries too.
_SOURCES: Final = ("scripts/compile_core.py", "services/engine/tidemill", "libs/tidemill", "gen/tidemill")


def main(arguments: list[str]) -> int:
    """Do what the command line asks for; returns the exit code."""
    if not any(map(shutil.which, ("cc", "gcc", "clang"))):
        sys.stderr.write("compiling the core needs a C compiler: gcc or clang\n")
        return 1
    if arguments[:1] == ["--into"]:
        compile_core(ROOT / "services/engine", Path(arguments[1]).resolve())
        return 0
    build()
    environment = os.environ | {"PYTHONPATH": _path_with(BUILT)}
    says = "from tidemill.core_build import core_build; print('core:', core_build())"
    said = subprocess.run(
        [sys.executable, "-c", says], env=environment, stdout=subprocess.PIPE, text=True, check=True
    )
    sys.stdout.write(said.stdout)
    sys.stdout.flush()
    if said.stdout != "core: compiled\n":
        return 1
    if arguments:
        os.execvpe(arguments[0], arguments, environment)
    return 0


def build() -> None:
    """Bring the compiled core to the state of the sources."""
    mark = BUILT / "sources.sha256"
    digest = _digest()
    if mark.exists() and mark.read_text() == digest:
        return
    shutil.rmtree(BUILT, ignore_errors=True)
    # From the copy, so that whoever edits a source meanwhile does not leave half of the change in it.
    shutil.copytree(
        ROOT / "services/engine" / ENGINE, BUILT / ENGINE, ignore=shutil.ignore_patterns("__pycache__")
    )
    compile_core(BUILT, BUILT)
    mark.write_text(digest)


def compile_core(sources: Path, target: Path) -> None:
    """Compile the modules below one folder into extension modules below another."""
    from mypyc.build import mypycify
    from setuptools import Distribution

    roots = [sources, ROOT / "libs", ROOT / "gen"]
    os.environ["MYPYPATH"] = os.pathsep.join(map(str, roots))
    with TemporaryDirectory() as temporary, chdir(sources):
        options = ["--config-file=", "--namespace-packages", "--explicit-package-bases"]
        options += ["--ignore-missing-imports", f"--cache-dir={temporary}/types"]
        paths = [f"{ENGINE / module}.py" for module in MODULES]
        extensions = mypycify(
            [*options, *paths], debug_level="0", target_dir=temporary, group_name=_SHARED_LIBRARY
        )
        distribution = Distribution({"name": _SHARED_LIBRARY, "ext_modules": extensions})
        command = distribution.get_command_obj("build_ext")
        command.build_lib, command.build_temp = str(target), temporary
        distribution.run_command("build_ext")


def _digest() -> str:
    """What a build follows from, as one value."""
    digest = hashlib.sha256(f"{sys.version} mypy {version('mypy')}".encode())
    for source in _SOURCES:
        for path in sorted([ROOT / source, *(ROOT / source).rglob("*")]):
            if path.is_file() and "__pycache__" not in path.parts:
                digest.update(f"{path.relative_to(ROOT)}\n".encode())
                digest.update(path.read_bytes())
    return digest.hexdigest()


def _path_with(first: Path) -> str:
    return os.pathsep.join(filter(None, (str(first), os.environ.get("PYTHONPATH"))))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
