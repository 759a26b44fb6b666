"""The compiled core is never older than its sources, and a run has all of it or nothing."""

from importlib.util import find_spec
from pathlib import Path

import pytest

from scripts import compile_core
from tidemill import core_build

NAMES = ["tidemill.engine." + module.replace("/", ".") for module in compile_core.MODULES]


def test_all_that_can_be_compiled_is_of_one_build() -> None:
    builds = set()
    for name in NAMES:
        spec = find_spec(name)
        assert spec is not None
        assert spec.origin is not None
        builds.add("pure" if spec.origin.endswith(".py") else "compiled")
    assert builds == {core_build.core_build()}


def test_without_an_engine_there_is_no_core(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(core_build, "_MODULE", "tidemill.nowhere.core")
    assert core_build.core_build() == "absent"


def test_the_folder_of_the_sources_holds_nothing_compiled() -> None:
    assert list((compile_core.ROOT / "services").rglob("*.so")) == []


def test_a_change_of_a_source_or_a_failure_has_it_compiled_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = tmp_path / "services/engine/tidemill/engine/core/apply.py"
    source.parent.mkdir(parents=True)
    source.write_text("before")
    compiled: list[str] = []

    def compile_again(sources: Path, target: Path) -> None:
        compiled.append((sources / "tidemill/engine/core/apply.py").read_text())
        if "broken" in compiled[-1]:
            raise SystemExit(1)

    monkeypatch.setattr(compile_core, "ROOT", tmp_path)
    monkeypatch.setattr(compile_core, "BUILT", tmp_path / "build/compiled")
    monkeypatch.setattr(compile_core, "compile_core", compile_again)
    compile_core.build()
    compile_core.build()
    assert compiled == ["before"]
    source.write_text("broken")
    for _ in range(2):
        with pytest.raises(SystemExit):
            compile_core.build()
    source.write_text("after")
    compile_core.build()
    compile_core.build()
    assert compiled == ["before", "broken", "broken", "after"]
