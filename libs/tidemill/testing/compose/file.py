"""A compose file as this package needs it: its services, each with what a container of it would be given."""

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tidemill.testing.compose.image import Image, read_image
from tidemill.testing.compose.interpolation import interpolate_tree
from tidemill.testing.compose.problem import ComposeError

HEALTHY: Final = "service_healthy"
COMPLETED: Final = "service_completed_successfully"
STARTED: Final = "service_started"
# The build argument that chooses a stage of the Dockerfile.
STAGE_ARGUMENT: Final = "SERVICE"


@dataclass(frozen=True, slots=True)
class Published:
    """Ports of the host for a port of the container: one for each replica."""

    first: int
    container: int


@dataclass(frozen=True, slots=True)
class Mount:
    """A file or folder of the host inside the container."""

    source: Path
    target: str


@dataclass(frozen=True, slots=True)
class Volume:
    """A named folder that outlives containers, and where it is inside of one."""

    name: str
    target: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """One service of the file."""

    name: str
    image: str
    built: bool
    arguments: tuple[str, ...]
    environment: dict[str, str]
    check: tuple[str, ...]
    working_dir: str
    published: tuple[Published, ...]
    exposed: tuple[int, ...]
    mounts: tuple[Mount, ...]
    volumes: tuple[Volume, ...]
    depends_on: dict[str, str]
    profiles: tuple[str, ...]
    restart: str
    replicas: int

    @property
    def ports(self) -> tuple[int, ...]:
        """Every port of the container that somebody may ask for."""
        return tuple(dict.fromkeys([*(port.container for port in self.published), *self.exposed]))


@dataclass(frozen=True, slots=True)
class ComposeFile:
    """A file that has been read."""

    name: str
    services: dict[str, Service]

    def in_order(self, *wanted: str) -> list[Service]:
        """The wanted services and all that they depend on, each after those that it depends on.

        None wanted are all without a profile. Raises ComposeError for a circle and for unknown names.
        """
        order: dict[str, Service] = {}

        def add(name: str, path: tuple[str, ...]) -> None:
            if name in path or name not in self.services:
                raise ComposeError(f"depends_on: {' -> '.join((*path, name))} leads nowhere")
            for other in self.services[name].depends_on:
                if other not in order:
                    add(other, (*path, name))
            order[name] = self.services[name]

        for name in wanted or [name for name, service in self.services.items() if not service.profiles]:
            if name not in order:
                add(name, ())
        return list(order.values())


def read_compose_file(path: Path, variables: Mapping[str, str]) -> ComposeFile:
    """Read the file and the Dockerfile that it builds from; raises ComposeError and OSError."""
    from ruamel.yaml import YAML

    tree = interpolate_tree(YAML(typ="safe").load(path), variables)
    if not isinstance(tree, dict):
        raise ComposeError(f"{path} is not a compose file")
    services = {name: _service(name, block, path.parent) for name, block in tree["services"].items()}
    return ComposeFile(str(tree.get("name", path.parent.name)), services)


def _service(name: str, block: dict[str, Any], folder: Path) -> Service:
    image = _image(block, folder)
    return Service(
        name=name,
        image=block.get("image", ""),
        built="build" in block,
        arguments=(
            *(block.get("entrypoint") or image.entrypoint),
            *(block.get("command") or ([] if "entrypoint" in block else image.command)),
        ),
        environment={**image.environment, **_texts(block.get("environment", {}))},
        check=_check(block) or image.check,
        working_dir=block.get("working_dir", image.working_dir),
        published=tuple(map(_published, block.get("ports", ()))),
        exposed=(*image.ports, *map(int, block.get("expose", ()))),
        mounts=tuple(_mounts(block.get("volumes", ()), folder)),
        volumes=tuple(_volumes(block.get("volumes", ()))),
        depends_on=_depends_on(block.get("depends_on", {})),
        profiles=tuple(block.get("profiles", ())),
        restart=block.get("restart", "no"),
        replicas=int(block.get("deploy", {}).get("replicas", 1)),
    )


def _image(block: dict[str, Any], folder: Path) -> Image:
    build = block.get("build")
    if build is None:
        return Image()
    context = folder / build["context"]
    text = (context / build.get("dockerfile", "Dockerfile")).read_text()
    return read_image(text, build.get("args", {}).get(STAGE_ARGUMENT, ""))


def _texts(environment: Mapping[str, object]) -> dict[str, str]:
    return {name: "" if value is None else str(value) for name, value in environment.items()}


def _check(block: dict[str, Any]) -> tuple[str, ...]:
    """The command of a health check; the form `CMD` alone is understood."""
    test = block.get("healthcheck", {}).get("test", ())
    if test and test[0] != "CMD":
        raise ComposeError(f"healthcheck: {test} does not begin with CMD")
    return tuple(test[1:])


def _published(port: Mapping[str, object]) -> Published:
    """The long form: `{published: first[-last], target: container}`."""
    if not isinstance(port, Mapping):
        raise ComposeError(f"ports: {port} is not a mapping with 'published' and 'target'")
    return Published(int(str(port["published"]).partition("-")[0]), int(str(port["target"])))


def _mounts(volumes: Iterable[str], folder: Path) -> Iterable[Mount]:
    for volume in volumes:
        source, target = volume.split(":")[:2]
        if _is_path(source):
            yield Mount((folder / source).resolve(), target)


def _volumes(volumes: Iterable[str]) -> Iterable[Volume]:
    for volume in volumes:
        source, target = volume.split(":")[:2]
        if not _is_path(source):
            yield Volume(source, target)


def _is_path(source: str) -> bool:
    return source.startswith((".", os.sep))


def _depends_on(block: Mapping[str, Mapping[str, str]] | Iterable[str]) -> dict[str, str]:
    if isinstance(block, Mapping):
        return {name: how.get("condition", STARTED) for name, how in block.items()}
    return dict.fromkeys(block, STARTED)
