"""Containers as arguments of a command line, and the times of those that stay for a while."""

import orjson
import pytest

from tests.unit.actions.programs import LIMITS
from tests.unit.actions.samples import call
from tidemill.actions.adapters.processes.arguments import Container, InvalidArgumentsError, parse
from tidemill.actions.adapters.processes.cleaning import due_containers, finished_us
from tidemill.actions.adapters.processes.containers import ContainerRules, container_job, run_arguments
from tidemill.actions.adapters.processes.programs import Programs
from tidemill.actions.adapters.processes.results import Ended, container_outcome
from tidemill.actions.core.model import ActionState

DOCKER = Programs(
    {"container": ("/usr/bin/docker", "--host=unix:///run/d.sock")}, {"PATH": "/usr/bin", "LANG": "C"}
)
LINKS = {"/data/link": "/etc", "/data/../etc": "/etc"}
SECOND_US = 1_000_000
NOON = "2026-11-28T12:00:00.123456789Z"
NOON_US = 1_795_867_200 * SECOND_US


def container(**given: object) -> Container:
    made = parse("container", orjson.dumps({"image": "alpine", "name": "one", **given}))
    assert isinstance(made, Container)
    return made


def arguments(rules: ContainerRules | None = None, **given: object) -> list[str]:
    return run_arguments(
        container(**given), call("key"), LIMITS, rules or ContainerRules(), lambda path: LINKS.get(path, path)
    )


def refusal(rules: ContainerRules | None = None, **given: object) -> tuple[str, str]:
    with pytest.raises(InvalidArgumentsError) as refused:
        arguments(rules, **given)
    return refused.value.problem.type.rpartition("/")[2], refused.value.problem.detail


def test_all_of_a_plain_container() -> None:
    assert arguments() == [
        "run",
        "--rm",
        "--interactive",
        "--name=one",
        "--pull=missing",
        "--label=tidemill.namespace=shop",
        "--label=tidemill.execution=e",
        "--label=tidemill.task=/do/0/a",
        "--security-opt=no-new-privileges",
        "--memory=2147483648b",
        "--memory-swap=2147483648b",
        "--pids-limit=32",
        "--ulimit=cpu=10:11",
        "--ulimit=nofile=64:64",
        "--ulimit=fsize=1048576:1048576",
        "--ulimit=core=0:0",
        "--env=TIDEMILL_IDEMPOTENCY_KEY=key",
        "alpine",
    ]


def test_arguments_go_to_the_images_own_program() -> None:
    assert arguments(arguments=["--version", "a b"])[-3:] == ["alpine", "--version", "a b"]


def test_a_command_is_a_text_for_the_shell_of_the_image() -> None:
    given = arguments(command='echo "$1"', arguments=["--rm"])
    assert given[-6:] == ["--entrypoint=sh", "alpine", "-c", 'echo "$1"', "sh", "--rm"]


def test_an_environment_is_the_containers_alone() -> None:
    given = arguments(environment={"A": "1 2", "TIDEMILL_IDEMPOTENCY_KEY": "mine", "NONE": None})
    assert [one for one in given if one.startswith("--env")] == [
        "--env=TIDEMILL_IDEMPOTENCY_KEY=mine",
        "--env=A=1 2",
    ]
    job = container_job(
        container(environment={"DOCKER_HOST": "tcp://x"}), call(), DOCKER, LIMITS, ContainerRules()
    )
    assert job.environment == {"PATH": "/usr/bin", "LANG": "C"}


@pytest.mark.parametrize(
    ("policy", "word"), [("ifNotPresent", "missing"), ("always", "always"), ("never", "never")]
)
def test_pull_policies(policy: str, word: str) -> None:
    assert f"--pull={word}" in arguments(pullPolicy=policy)


def test_ports_are_published_to_the_machine_itself() -> None:
    given = arguments(ports={"8080": 80, "9000": "9001"})
    assert [one for one in given if one.startswith("--publish")] == [
        "--publish=127.0.0.1:8080:80",
        "--publish=127.0.0.1:9000:9001",
    ]


@pytest.mark.parametrize("ports", [{"0.0.0.0:80": 80}, {"80": "0"}, {"80": 65_536}, {"-1": 1}, {"80": True}])
def test_what_is_no_port_is_refused(ports: object) -> None:
    assert refusal(ports=ports)[0] == "validation"


def test_volumes_are_those_that_the_operator_allows() -> None:
    rules = ContainerRules.read("", " /data , /srv/in", lambda path: path)
    given = arguments(rules, volumes={"/data": "/a", "/srv/in/deep": "/b"})
    assert [one for one in given if one.startswith("--volume")] == [
        "--volume=/data:/a",
        "--volume=/srv/in/deep:/b",
    ]


@pytest.mark.parametrize(
    "host",
    ["/", "/etc", "/database", "/data/link", "/data/../etc", "data", "", "/var/run/docker.sock", "/srv"],
)
def test_other_volumes_are_refused_by_the_name_of_the_setting(host: str) -> None:
    rules = ContainerRules.read("", "/data,/srv/in", lambda path: path)
    kind, detail = refusal(rules, volumes={host: "/a"})
    assert kind == "configuration"
    assert "TIDEMILL_ACTIONS_PROCESS_CONTAINER_VOLUMES" in detail


@pytest.mark.parametrize("volume", [{"/data/a:b": "/a"}, {"/data": "a"}, {"/data": "/a:rw"}])
def test_what_would_be_read_as_more_than_a_volume_is_refused(volume: object) -> None:
    assert refusal(ContainerRules((), ("/data",)), volumes=volume)[0] == "validation"


@pytest.mark.parametrize("image", ["--privileged", "-v", "a b", "", "a\nb", "/alpine"])
def test_what_could_be_taken_for_an_option_is_no_image(image: str) -> None:
    assert refusal(image=image)[0] == "validation"


@pytest.mark.parametrize("image", ["registry.example:5000/team/app:1.2", f"app@sha256:{'a' * 64}"])
def test_images_have_registries_tags_and_digests(image: str) -> None:
    assert arguments(image=image)[-1] == image


@pytest.mark.parametrize("name", ["--rm", "a/b", "a b", "n" * 300])
def test_what_is_no_name_is_refused(name: str) -> None:
    assert refusal(name=name)[0] == "validation"


def test_options_of_the_operator_come_last_and_before_the_image() -> None:
    rules = ContainerRules.read("--network none --cap-drop 'ALL'", "")
    assert arguments(rules)[-5:] == ["--network", "none", "--cap-drop", "ALL", "alpine"]


@pytest.mark.parametrize(
    ("lifetime", "option", "farewell"),
    [
        (None, "--rm", ("rm", "--force", "one")),
        ({"cleanup": "always"}, "--rm", ("rm", "--force", "one")),
        ({"cleanup": "never"}, None, ("kill", "one")),
        (
            {"cleanup": "eventually", "afterUs": 5},
            "--label=tidemill.remove-after-us=5",
            ("rm", "--force", "one"),
        ),
    ],
)
def test_how_long_a_container_stays(lifetime: object, option: str | None, farewell: tuple[str, ...]) -> None:
    given = arguments(lifetime=lifetime)
    stays = [one for one in given if one == "--rm" or "remove-after" in one]
    assert stays == ([] if option is None else [option])
    job = container_job(container(lifetime=lifetime), call(), DOCKER, LIMITS, ContainerRules())
    assert job.farewell == ("/usr/bin/docker", "--host=unix:///run/d.sock", *farewell)
    assert job.command[:3] == ("/usr/bin/docker", "--host=unix:///run/d.sock", "run")
    assert not job.limits, "the container has them, and the client must not"


def test_a_container_that_could_not_be_run_is_an_error_whatever_is_asked_for() -> None:
    ended = Ended(125, b"", b"docker: no such image\n")
    for returns in container(**{"return": "all"}).program.returns, container().program.returns:
        outcome = container_outcome(ended, returns, LIMITS)
        assert outcome.state is ActionState.FAILED
        assert outcome.error is not None
        assert outcome.error.detail == "the container could not be run: docker: no such image"
    code = container_outcome(Ended(3), container(**{"return": "code"}).program.returns, LIMITS)
    assert code.output == b"3"


@pytest.mark.parametrize(
    "text",
    [NOON, "2026-11-28T13:00:00+01:00", "2026-11-28 13:00:00.5 +0100 CET", "2026-11-28 12:00:00 +0000 UTC"],
)
def test_times_of_both_runtimes(text: str) -> None:
    assert finished_us(text) == NOON_US


@pytest.mark.parametrize("text", ["0001-01-01T00:00:00Z", "", "yesterday", "2026-13-40T99:00:00Z"])
def test_what_has_not_ended_has_no_time(text: str) -> None:
    assert finished_us(text) is None


def test_due_is_what_has_stayed_for_its_time() -> None:
    due, later = "a" * 64, "b" * 64
    told = f"{due} 60000000 {NOON}\n{later} 60000001 {NOON}\nno line\n{'c' * 64} <no value> {NOON}\n"
    assert list(due_containers(told, NOON_US + 60 * SECOND_US)) == [due]
    assert list(due_containers(told, NOON_US)) == []
