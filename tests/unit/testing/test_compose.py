"""The runner of compose files reads them as Docker does, and puts containers on ports of this machine."""

from pathlib import Path

import pytest

from tidemill.testing.compose.containers import lay_out
from tidemill.testing.compose.file import ComposeFile, Volume, read_compose_file
from tidemill.testing.compose.image import read_image
from tidemill.testing.compose.interpolation import interpolate, read_variables
from tidemill.testing.compose.places import Places, Replica
from tidemill.testing.compose.problem import ComposeError
from tidemill.testing.compose.standins import kafka_settings, postgres_options

DOCKERFILE = """\
ARG SERVICE=web
FROM base AS runtime
ENV PATH=/opt/bin:$PATH LEVEL=1
WORKDIR /var/lib/web
FROM runtime AS web
# A comment \\
ENV LISTEN=0.0.0.0:80 \\
    LEVEL="2"
EXPOSE 80 9464
HEALTHCHECK --interval=10s \\
    CMD ["probe", "127.0.0.1:80"]
ENTRYPOINT ["web"]
FROM runtime AS silent
HEALTHCHECK NONE
FROM ${SERVICE}
"""
COMPOSE = """\
name: shop
services:
  web:
    build: {context: ., args: {SERVICE: web}}
    deploy: {replicas: "${WEBS:-2}"}
    command: [--peer, "backend:5000"]
    environment:
      BACKENDS: shop-backend-1:5000,shop-backend-2:5000
      ONE: http://user:secret@backend:5000/path
      STORE: kafka://backend:5000/backend
      METRICS_HOST: 0.0.0.0
      METRICS_PORT: 9464
      FILES: /var/lib/web/files:/var/lib/webs
    ports: [{host_ip: 127.0.0.1, published: 8000-8001, target: 80}]
    volumes: ["./files:/var/lib/web/files:ro", "named:/data"]
    depends_on: {backend: {condition: service_healthy}}
  backend:
    image: backend:1
    deploy: {replicas: 2}
    expose: ["5000"]
  tool:
    image: tool:1
    profiles: [tools]
    depends_on: [web]
"""


@pytest.fixture
def file(tmp_path: Path) -> ComposeFile:
    (tmp_path / "Dockerfile").write_text(DOCKERFILE)
    (tmp_path / "compose.yml").write_text(COMPOSE)
    return read_compose_file(tmp_path / "compose.yml", {})


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("$A ${A}", "1 1"),
        ("${B:-2}${B-3}", "2"),
        ("${C:-2}${C-3}", "23"),
        ("$$A", "$A"),
        ("${C}-", "-"),
        ("${A:-http://x:1/?}", "1"),
        ("${C:-http://x:1/?}", "http://x:1/?"),
    ],
)
def test_variables_are_replaced_as_compose_does(text: str, value: str) -> None:
    assert interpolate(text, {"A": "1", "B": ""}) == value


def test_a_variable_that_must_be_set_is_asked_for() -> None:
    with pytest.raises(ComposeError, match="PASSWORD is not set: choose one"):
        interpolate("${PASSWORD:?choose one}", {})


def test_an_env_file_has_a_variable_a_line() -> None:
    assert read_variables("# said\n\nA=1\nB = a=b \n") == {"A": "1", "B": "a=b"}
    with pytest.raises(ComposeError, match="'A' is not NAME=value"):
        read_variables("A")


def test_a_stage_inherits_and_overrides() -> None:
    image = read_image(DOCKERFILE, "web")
    assert image.environment == {"LEVEL": "2", "LISTEN": "0.0.0.0:80"}
    assert (image.entrypoint, image.check, image.ports) == (("web",), ("probe", "127.0.0.1:80"), (80, 9464))
    assert image.working_dir == "/var/lib/web"
    assert read_image(DOCKERFILE, "silent").check == ()


@pytest.mark.parametrize("stage", ["nobody", ""])
def test_a_stage_that_is_not_there_is_an_error(stage: str) -> None:
    with pytest.raises(ComposeError, match="no stage"):
        read_image(DOCKERFILE, stage)


def test_the_shell_form_is_refused() -> None:
    with pytest.raises(ComposeError, match="not a list"):
        read_image("FROM base AS web\nENTRYPOINT web --loud\n", "web")


def test_services_come_after_what_they_need_and_those_with_a_profile_only_when_wanted(
    file: ComposeFile,
) -> None:
    assert [service.name for service in file.in_order()] == ["backend", "web"]
    assert [service.name for service in file.in_order("tool")] == ["backend", "web", "tool"]


def test_a_circle_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "compose.yml").write_text(
        "services: {a: {image: a, depends_on: [b]}, b: {image: b, depends_on: [a]}}"
    )
    with pytest.raises(ComposeError, match="a -> b -> a leads nowhere"):
        read_compose_file(tmp_path / "compose.yml", {}).in_order()


def test_names_ports_and_paths_become_those_of_this_machine(file: ComposeFile, tmp_path: Path) -> None:
    places = Places(file, tmp_path)
    web, backend = file.services["web"], file.services["backend"]
    first, second = (f"127.0.0.1:{places.port(Replica(backend, number), 5000)}" for number in (1, 2))
    assert first != second
    two = Replica(web, 2)
    environment = places.environment(two)
    assert environment["LISTEN"] == "127.0.0.1:8001"
    assert environment["BACKENDS"] == f"{first},{second}"
    # A service's name leads the second to the second.
    assert environment["ONE"] == f"http://user:secret@{second}/path"
    assert environment["STORE"] == f"kafka://{second}/backend"
    assert environment["METRICS_HOST"] == "127.0.0.1"
    assert environment["METRICS_PORT"] == str(places.port(two, 9464))
    assert environment["FILES"] == f"{tmp_path}/web-2/root/var/lib/web/files:/var/lib/webs"
    assert places.text(two, "127.0.0.1:80") == "127.0.0.1:8001"
    assert [places.text(Replica(web, 1), part) for part in web.arguments] == ["web", "--peer", first]


def test_free_ports_are_none_of_the_file(file: ComposeFile, tmp_path: Path) -> None:
    ports = {
        int(a.rpartition(":")[2]) for a in Places(file, tmp_path, free=True).addresses("web", 80).split(",")
    }
    assert len(ports) == 2
    assert not ports & {8000, 8001}


def test_a_port_that_nobody_has_is_an_error(file: ComposeFile, tmp_path: Path) -> None:
    with pytest.raises(ComposeError, match="backend has no port 81"):
        Places(file, tmp_path).text(Replica(file.services["web"], 1), "backend:81")


def test_kafka_gets_the_settings_of_its_image_but_not_its_places() -> None:
    environment = {
        "CLUSTER_ID": "x",
        "KAFKA_LISTENERS": "PLAINTEXT://:9092",
        "KAFKA_LOG_FLUSH_INTERVAL_MESSAGES": "1",
    }
    assert kafka_settings(environment) == "log.flush.interval.messages=1\n"


def test_postgres_gets_its_options() -> None:
    assert postgres_options(("postgres", "-c", "fsync=on", "-c", "max_connections=9")) == {
        "fsync": "on",
        "max_connections": "9",
    }
    with pytest.raises(ComposeError, match="only 'postgres -c"):
        postgres_options(("postgres", "--single"))


def test_the_short_form_of_ports_is_refused(tmp_path: Path) -> None:
    (tmp_path / "compose.yml").write_text('services: {a: {image: a, ports: ["80:80"]}}')
    with pytest.raises(ComposeError, match="80:80 is not a mapping"):
        read_compose_file(tmp_path / "compose.yml", {})


def test_a_named_volume_is_one_folder_for_all_who_mount_it(file: ComposeFile, tmp_path: Path) -> None:
    places, web = Places(file, tmp_path), file.services["web"]
    assert web.volumes == (Volume("named", "/data"),)
    assert [mount.target for mount in web.mounts] == ["/var/lib/web/files"]
    for number in (1, 2):
        replica = Replica(web, number)
        (tmp_path / "files").mkdir(exist_ok=True)
        lay_out(replica, places)
        (places.root(replica) / "data" / f"from-{number}").touch()
    assert {path.name for path in places.volume("named").iterdir()} == {"from-1", "from-2"}
    assert places.text(Replica(web, 1), "/data/x") == f"{places.root(Replica(web, 1))}/data/x"
