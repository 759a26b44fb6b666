"""What the Dockerfile runs to build an image is run here: a service imports with its own packages alone."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from tidemill.testing.compose.image import instructions

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

ROOT: Final = Path(__file__).parents[3]
# In the image it is another machine's; here it would only cost time. (pip wants what says "no" to be false.)
FASTER: Final = {"PIP_NO_COMPILE": "0", "PYTHONDONTWRITEBYTECODE": "1"}
IMPORT_ALL: Final = """
import importlib, pkgutil, sys
import tidemill.rpc.probe
package = importlib.import_module(sys.argv[1])
modules = [found.name for found in pkgutil.walk_packages(package.__path__, package.__name__ + ".")]
for name in modules:
    if not name.endswith("__main__"):
        importlib.import_module(name)
print(len(modules), package.__file__)
"""


def stage(name: str) -> list[tuple[str, str]]:
    found, inside = [], False
    for instruction, rest in instructions((ROOT / "Dockerfile").read_text()):
        if instruction == "FROM":
            inside = rest.endswith(f" AS {name}")
        elif inside:
            found.append((instruction, rest))
    return found


def copy_sources(target: Path) -> None:
    for instruction, rest in stage("build"):
        if instruction == "COPY":
            *sources, _ = rest.split()
            for source in sources:
                if (ROOT / source).is_dir():
                    ignored = shutil.ignore_patterns("__pycache__")
                    shutil.copytree(ROOT / source, target / source, ignore=ignored)
                else:
                    shutil.copy(ROOT / source, target / source)


@pytest.mark.parametrize("service", ["engine", "triggers", "actions"])
def test_an_image_holds_all_that_its_service_imports(service: str, tmp_path: Path) -> None:
    source = tmp_path / "src"
    source.mkdir()
    copy_sources(source)
    (command,) = [rest for name, rest in stage("build") if name == "RUN" and "/wheels" in rest]
    for path in ("/wheels", "/opt/tidemill"):
        command = command.replace(path, f"{tmp_path}{path}")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    environment |= {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "SERVICE": service}
    run(["sh", "-e", "-c", re.sub(r"--mount=\S+", "", command)], source, {**environment, **FASTER})
    python = tmp_path / "opt/tidemill/bin/python"
    printed = run([python, "-c", IMPORT_ALL, f"tidemill.{service}"], tmp_path, environment)
    count, _, file = printed.strip().partition(" ")
    assert int(count) > 20
    assert file.startswith(str(tmp_path))
    assert not (python.parent / "pip").exists()


def run(command: list[str | Path], cwd: Path, environment: dict[str, str]) -> str:
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
