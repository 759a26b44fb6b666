"""A built wheel works for somebody who has nothing of this repository."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PARTS = ("actions", "api/engine/v1", "cli", "engine", "rpc", "telemetry", "triggers")

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


def run(*command: str | Path, cwd: Path) -> str:
    # Without PYTHONPATH and the like, so that only what is installed can be found.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", target, cwd=ROOT)
    (built,) = target.glob("*.whl")
    return built


def test_a_wheel_holds_every_part_and_nothing_else(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.split("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"tidemill"}
    assert "tidemill/__init__.py" not in names
    assert [part for part in PARTS if not any(name.startswith(f"tidemill/{part}/") for name in names)] == []


def test_a_wheel_in_an_empty_environment_runs(wheel: Path, tmp_path: Path) -> None:
    # By our pip, and without bytecode for what nothing imports: the same files in a third of the time.
    run(sys.executable, "-m", "venv", "--without-pip", tmp_path / "venv", cwd=tmp_path)
    python = tmp_path / "venv/bin/python"
    pip = (sys.executable, "-m", "pip", "--python", python)
    constraints = ROOT / "constraints.txt"
    run(*pip, "install", "-q", "--no-compile", "-c", constraints, f"{wheel}[all]", cwd=tmp_path)
    printed = run(tmp_path / "venv/bin/tidemill", "--help", cwd=tmp_path)
    assert "dev" in printed
    assert "publish" in printed
    where = run(python, "-c", "import tidemill.errors as e; print(e.__file__)", cwd=tmp_path)
    assert where.startswith(str(tmp_path))
