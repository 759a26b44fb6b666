"""The check of the contracts: it passes on what we have, and refuses to break what has landed."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
EXECUTION = "proto/tidemill/api/engine/v1/execution.proto"
REASONS = "proto/tidemill/api/errors/v1/error_reason.proto"


@pytest.fixture(scope="module")
def landed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with the contracts alone, landed and committed; each test takes a copy."""
    folder = tmp_path_factory.mktemp("contracts") / "landed"
    for name in ("proto", "scripts"):
        shutil.copytree(ROOT / name, folder / name)
    (folder / "proto/landed.binpb").unlink(missing_ok=True)
    shutil.copy(ROOT / "buf.yaml", folder)
    (folder / ".venv").symlink_to(ROOT / ".venv")
    contracts(folder, "generate")
    contracts(folder, "land")
    git(folder, "init", "-q")
    commit(folder)
    return folder


@pytest.fixture
def clone(landed: Path, tmp_path: Path) -> Path:
    return shutil.copytree(landed, tmp_path / "clone", symlinks=True)


def contracts(clone: Path, task: str, **environment: str) -> subprocess.CompletedProcess[str]:
    path = {"PATH": os.environ["PATH"], "HOME": str(clone), **environment}
    return subprocess.run(
        [clone / "scripts/contracts", task], cwd=clone, env=path, capture_output=True, text=True, check=False
    )


def git(clone: Path, *arguments: str) -> None:
    identity = ["-c", "user.name=test", "-c", "user.email=test@example.com"]
    subprocess.run(["git", *identity, *arguments], cwd=clone, check=True, capture_output=True)


def commit(clone: Path) -> None:
    git(clone, "add", "proto")
    git(clone, "commit", "-q", "-m", "contracts")


def edit(clone: Path, path: str, before: str, after: str) -> None:
    text = (clone / path).read_text()
    assert text.count(before) >= 1
    (clone / path).write_text(text.replace(before, after, 1))
    assert contracts(clone, "generate").returncode == 0


def test_contracts_as_they_landed_pass(clone: Path) -> None:
    done = contracts(clone, "check", CI="true")
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_changed_field_type_is_refused_and_cannot_land(clone: Path) -> None:
    edit(clone, EXECUTION, "string ", "bytes ")
    for task in ("check", "land"):
        done = contracts(clone, task)
        assert done.returncode != 0
        assert "changed type" in done.stdout + done.stderr


def test_a_removed_enum_value_is_refused(clone: Path) -> None:
    edit(clone, REASONS, "  ERROR_REASON_INTERNAL = 18;\n", "")
    done = contracts(clone, "check")
    assert done.returncode != 0
    assert "was deleted" in done.stdout


def test_an_addition_passes_but_ci_wants_it_landed(clone: Path) -> None:
    edit(clone, REASONS, "= 18;\n", "= 18;\n  // New.\n  ERROR_REASON_NEW = 900;\n")
    assert contracts(clone, "check").returncode == 0
    assert contracts(clone, "check", CI="true").returncode != 0
    assert contracts(clone, "land").returncode == 0
    assert contracts(clone, "check", CI="true").returncode == 0


def test_an_image_replaced_by_hand_is_found_in_the_history(clone: Path) -> None:
    edit(clone, EXECUTION, "string ", "bytes ")
    (clone / "proto/landed.binpb").unlink()
    assert contracts(clone, "land").returncode == 0
    commit(clone)
    done = contracts(clone, "check")
    assert done.returncode != 0
    assert "changed type" in done.stdout + done.stderr


def test_stale_generated_code_is_refused(clone: Path) -> None:
    with (clone / "gen/tidemill/api/errors/v1/problem_pb2.py").open("a") as generated:
        generated.write("# edited by hand\n")
    done = contracts(clone, "check")
    assert done.returncode != 0
    assert "make proto" in done.stderr


def test_an_uncommented_rpc_and_bad_format_are_refused(clone: Path) -> None:
    path = clone / "proto/tidemill/api/engine/v1/position.proto"
    path.write_text(path.read_text() + "\n\nservice BadService {  rpc Do(Position) returns (Position); }\n")
    done = contracts(clone, "check")
    assert done.returncode != 0
    assert "comment" in done.stdout
