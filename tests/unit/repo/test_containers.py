"""The files for containers hold what they promise: linted, valid, and about settings that exist."""

import dataclasses
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import compose_spec
import pytest
from ruamel.yaml import YAML

from tidemill.actions.settings import Settings as ActionsSettings
from tidemill.client.addresses import ACTIONS_VARIABLE, ENGINE_VARIABLE, TRIGGERS_VARIABLE
from tidemill.engine.settings import Settings as EngineSettings
from tidemill.json import dumps
from tidemill.settings import from_environment
from tidemill.testing.compose.file import (
    COMPLETED,
    HEALTHY,
    ComposeFile,
    Service,
    read_compose_file,
)
from tidemill.testing.compose.image import read_image
from tidemill.testing.compose.interpolation import interpolate, read_variables
from tidemill.testing.servers.jars import KAFKA_VERSION
from tidemill.triggers.settings import Settings as TriggersSettings

ROOT: Final = Path(__file__).parents[3]
COMPOSE: Final = ROOT / "docker-compose.yml"
DOCKERFILE: Final = ROOT / "Dockerfile"
OURS: Final = ("engine", "triggers", "actions")
CLIENT: Final = {ENGINE_VARIABLE, TRIGGERS_VARIABLE, ACTIONS_VARIABLE}
SETTINGS: Final = {
    "TIDEMILL_ENGINE": EngineSettings,
    "TIDEMILL_TRIGGERS": TriggersSettings,
    "TIDEMILL_ACTIONS": ActionsSettings,
}
VARIABLES: Final = {"plain": {}, "scaled": read_variables((ROOT / "deploy/scaled.env").read_text())}


@pytest.fixture(params=VARIABLES, ids=str)
def variables(request: pytest.FixtureRequest) -> dict[str, str]:
    return dict(VARIABLES[request.param])


@pytest.fixture
def compose(variables: dict[str, str]) -> ComposeFile:
    return read_compose_file(COMPOSE, variables)


def known_variables() -> set[str]:
    return CLIENT | {
        f"{prefix}_{field.name}".upper()
        for prefix, settings in SETTINGS.items()
        for field in dataclasses.fields(settings)
    }


def test_the_dockerfile_is_linted() -> None:
    linter = Path(sys.executable).with_name("hadolint")
    done = subprocess.run([linter, "--no-color", DOCKERFILE], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_the_linter_refuses_a_bad_dockerfile(tmp_path: Path) -> None:
    bad = tmp_path / "Dockerfile"
    bad.write_text("FROM python\nENTRYPOINT python -m tidemill.engine\n")
    linter = Path(sys.executable).with_name("hadolint")
    done = subprocess.run([linter, "--no-color", bad], capture_output=True, text=True, check=False)
    assert {"DL3006", "DL3025"} <= set(re.findall(r"DL\d+", done.stdout))
    assert done.returncode != 0


@pytest.mark.parametrize("name", OURS)
def test_an_image_starts_its_service_in_exec_form_and_watches_its_door(name: str) -> None:
    image = read_image(DOCKERFILE.read_text(), name)
    assert image.entrypoint == ("python", "-m", f"tidemill.{name}")
    listen = image.environment[f"TIDEMILL_{name.upper()}_LISTEN"]
    port = listen.removeprefix("0.0.0.0:")
    assert image.check == ("python", "-m", "tidemill.rpc.probe", f"127.0.0.1:{port}")
    assert int(port) in image.ports
    assert int(image.environment[f"TIDEMILL_{name.upper()}_METRICS_PORT"]) in image.ports
    assert set(image.environment) - known_variables() == {"PYTHONUNBUFFERED"}


def test_the_last_stage_is_the_chosen_service_and_nobody_is_root() -> None:
    lines = [line for line in DOCKERFILE.read_text().splitlines() if line and not line.startswith("#")]
    assert lines[-1] == "FROM ${SERVICE}"
    runtime = DOCKERFILE.read_text().partition("AS runtime")[2].partition("\nFROM ")[0]
    assert re.search(r"^USER [1-9]\d+:[1-9]\d+$", runtime, re.MULTILINE)
    assert "\nUSER" not in DOCKERFILE.read_text().partition("AS runtime")[2].partition("\nFROM ")[2]


def test_images_are_of_the_python_that_the_project_asks_for_at_least() -> None:
    bases = set(re.findall(r"^FROM python:(\S+)", DOCKERFILE.read_text(), re.MULTILINE))
    assert bases == {"3.11-slim-bookworm"}


def test_the_builder_gets_what_the_dockerfile_copies_and_nothing_else() -> None:
    sources = {
        source
        for line in re.findall(r"^COPY (?!--from)(.+)$", DOCKERFILE.read_text(), re.MULTILINE)
        for source in line.split()[:-1]
    }
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    assert {line.removeprefix("!") for line in ignored if line.startswith("!")} == sources
    assert "*" in ignored
    assert all((ROOT / source).exists() for source in sources)


def specified(text: str) -> compose_spec.PyCompose:
    """What the specification makes of a file without variables; merged keys are a matter of YAML alone."""
    return compose_spec.PyCompose.from_json(dumps(YAML(typ="safe").load(text)).decode())


def test_the_compose_file_is_valid_by_the_specification(variables: dict[str, str]) -> None:
    parsed = specified(interpolate(COMPOSE.read_text(), variables))
    assert set(OURS) <= set(parsed.service_names())


@pytest.mark.parametrize(
    ("right", "wrong"), [("depends_on:", "depend_on:"), ("restart: unless-stopped", "restart: sometimes")]
)
def test_the_specification_refuses_what_is_not_in_it(right: str, wrong: str) -> None:
    text = interpolate(COMPOSE.read_text(), {})
    assert right in text
    with pytest.raises(ValueError, match=wrong.strip(":").rpartition(" ")[2]):
        specified(text.replace(right, wrong, 1))


def test_every_service_starts_after_what_it_needs_is_healthy_or_done(compose: ComposeFile) -> None:
    order = [service.name for service in compose.in_order()]
    assert set(order) == set(compose.services) - {"demo"}
    for service in compose.services.values():
        for needed, condition in service.depends_on.items():
            other = compose.services[needed]
            assert condition in {HEALTHY, COMPLETED}
            assert condition == COMPLETED or other.check, f"{needed} has no health check"
            assert condition == HEALTHY or other.restart == "no"
            assert service.profiles or order.index(needed) < order.index(service.name)


def test_every_variable_is_a_setting_of_its_service_and_fits(compose: ComposeFile) -> None:
    for name in OURS:
        service, prefix = compose.services[name], f"TIDEMILL_{name.upper()}"
        mine = {key for key in service.environment if key.startswith("TIDEMILL_")} - {"TIDEMILL_LOG_LEVEL"}
        assert all(key.startswith(f"{prefix}_") for key in mine)
        assert mine - known_variables() == set()
        from_environment(SETTINGS[prefix], prefix, service.environment)
    for name in ("migrate", "demo"):
        assert set(compose.services[name].environment) - {"PYTHONUNBUFFERED"} <= known_variables()


def test_migrate_works_on_what_the_services_use(compose: ComposeFile) -> None:
    migrate = told(compose.services["migrate"])
    assert {"TIDEMILL_ENGINE_STORE_URL", "TIDEMILL_ENGINE_SHARDS", "TIDEMILL_ACTIONS_LEDGER_URL"} <= set(
        migrate
    )
    assert (
        migrate.items() <= {**told(compose.services["engine"]), **told(compose.services["actions"])}.items()
    )


def told(service: Service) -> dict[str, str]:
    """What the file tells the service about Tidemill."""
    return {name: value for name, value in service.environment.items() if name.startswith("TIDEMILL_")}


def test_every_replica_has_ports_of_the_host_for_itself(
    compose: ComposeFile, variables: dict[str, str]
) -> None:
    tree = YAML(typ="safe").load(interpolate(COMPOSE.read_text(), variables))
    taken: list[int] = []
    for name in OURS:
        service = compose.services[name]
        assert {port.container for port in service.published} == set(service.ports)
        for port in tree["services"][name]["ports"]:
            first, _, last = port["published"].partition("-")
            mine = range(int(first), int(last or first) + 1)
            assert (port["host_ip"], len(mine)) == ("127.0.0.1", service.replicas)
            taken.extend(mine)
    assert len(set(taken)) == len(taken)


def test_whoever_calls_a_service_knows_all_its_replicas(compose: ComposeFile) -> None:
    def names(service: Service) -> set[str]:
        if service.replicas == 1:
            return {service.name}
        return {f"{compose.name}-{service.name}-{number}" for number in range(1, service.replicas + 1)}

    callers = {
        "engine": ("triggers", "TIDEMILL_TRIGGERS_ENGINE"),
        "triggers": ("actions", "TIDEMILL_ACTIONS_TRIGGERS"),
        "actions": ("engine", "TIDEMILL_ENGINE_ACTIONS"),
    }
    for called, (caller, variable) in callers.items():
        addresses = compose.services[caller].environment[variable].split(",")
        assert {address.partition(":")[0] for address in addresses} == names(compose.services[called])
        assert addresses == compose.services["demo"].environment[f"TIDEMILL_{called.upper()}"].split(",")


def test_a_broker_alone_writes_to_the_disk_first_and_is_the_one_that_tests_use() -> None:
    kafka = read_compose_file(COMPOSE, {}).services["kafka"]
    assert kafka.image == f"apache/kafka:{KAFKA_VERSION}"
    assert kafka.environment["KAFKA_LOG_FLUSH_INTERVAL_MESSAGES"] == "1"
    assert kafka.environment["KAFKA_AUTO_CREATE_TOPICS_ENABLE"] == "false"


def test_postgres_syncs_its_commits_and_what_it_keeps_has_a_volume() -> None:
    tree: dict[str, Any] = YAML(typ="safe").load(COMPOSE)
    postgres = tree["services"]["postgres"]
    assert {"fsync=on", "synchronous_commit=on"} <= set(postgres["command"])
    kept = {
        volume.split(":")[0] for name in ("kafka", "postgres") for volume in tree["services"][name]["volumes"]
    }
    assert set(tree["volumes"]) <= kept | {"blobs"}


def test_engines_and_action_services_share_a_volume_for_large_payloads() -> None:
    services = read_compose_file(COMPOSE, {}).services
    engine, actions = services["engine"], services["actions"]
    (shared,) = set(engine.volumes) & set(actions.volumes)
    assert engine.environment["TIDEMILL_ENGINE_BLOBS"] == shared.target
    assert actions.environment["TIDEMILL_ACTIONS_BLOBS"] == shared.target


def test_every_mounted_file_is_in_the_repository() -> None:
    mounts = [mount for s in read_compose_file(COMPOSE, {}).services.values() for mount in s.mounts]
    assert mounts
    assert [mount.source for mount in mounts if not mount.source.exists()] == []


def test_the_docs_name_every_variable_of_the_file() -> None:
    named = set(re.findall(r"\$\{(\w+)", COMPOSE.read_text()))
    documented = (ROOT / "docs/docker.md").read_text()
    assert [name for name in sorted(named) if f"`{name}`" not in documented] == []


def test_the_variables_for_scaling_are_all_used() -> None:
    named = set(re.findall(r"\$\{(\w+)", COMPOSE.read_text()))
    assert set(VARIABLES["scaled"]) <= named
