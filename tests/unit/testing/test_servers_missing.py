"""A machine that cannot have a test server says why: its tests are skipped there, and fail in CI."""

from pathlib import Path

import pytest

from tests.conftest import missing_is_told
from tidemill.testing.servers import KafkaServer, PostgresServer, ServerMissingError
from tidemill.testing.servers.binaries import postgres_binaries
from tidemill.testing.servers.jars import CACHE_VARIABLE, KAFKA_VERSION, cache_folder, kafka_jars


@pytest.fixture
def bare_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "cache"))


@pytest.mark.usefixtures("bare_machine")
def test_without_java_or_maven_kafka_says_what_to_install(tmp_path: Path) -> None:
    with pytest.raises(ServerMissingError, match="'java' is not on the path"):
        KafkaServer(tmp_path / "kafka").start()
    with pytest.raises(ServerMissingError, match="'mvn' is not on the path"):
        kafka_jars()


@pytest.mark.usefixtures("bare_machine")
def test_jars_that_are_there_are_not_fetched() -> None:
    jars = cache_folder() / f"kafka-{KAFKA_VERSION}"
    jars.mkdir(parents=True)
    assert kafka_jars() == jars


@pytest.mark.usefixtures("bare_machine")
def test_without_its_programs_postgres_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("tidemill.testing.servers.binaries._WHEEL", "no_such_package")
    monkeypatch.setattr("tidemill.testing.servers.binaries._DEBIAN", tmp_path)
    with pytest.raises(ServerMissingError, match="install the extra 'dev'"):
        postgres_binaries(tmp_path, foreign_user=False)


def test_programs_behind_a_closed_door_are_copied_for_another_user(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    programs = tmp_path / "closed/16/bin"
    programs.mkdir(parents=True)
    (programs / "postgres").touch()
    (tmp_path / "closed").chmod(0o700)
    monkeypatch.setattr("tidemill.testing.servers.binaries._WHEEL", "no_such_package")
    monkeypatch.setattr("tidemill.testing.servers.binaries._DEBIAN", tmp_path / "closed")
    assert postgres_binaries(tmp_path, foreign_user=False) == programs
    copied = postgres_binaries(tmp_path / "folder", foreign_user=True)
    assert copied == tmp_path / "folder/install/bin"
    assert (copied / "postgres").is_file()


@pytest.mark.parametrize(("ci", "outcome"), [("", pytest.skip.Exception), ("true", pytest.fail.Exception)])
def test_a_missing_server_is_a_skip_here_and_a_failure_in_ci(
    monkeypatch: pytest.MonkeyPatch, ci: str, outcome: type[Exception]
) -> None:
    monkeypatch.setenv("CI", ci)
    with pytest.raises(outcome, match="no Java"), missing_is_told():
        raise ServerMissingError("no Java")


def test_a_name_of_a_database_is_plain(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="is no plain database name"):
        PostgresServer(tmp_path).drop_database('x"; DROP TABLE y')
