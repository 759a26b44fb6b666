"""A stand-in for the client of a container runtime: `fake_docker.py FOLDER COMMAND ...`.

It notes in FOLDER what it was asked, and runs the command of a container as a program of this machine. It
says nothing of what a real runtime does.
"""

import json
import os
import sys
from pathlib import Path

_HELLO = "Hello from a container!\n"


def main() -> int:
    """Do as a runtime's client would, as far as tests look."""
    folder, (command, *arguments) = Path(sys.argv[1]), sys.argv[2:]
    with (folder / "calls").open("a") as calls:
        calls.write(json.dumps([command, *arguments]) + "\n")
    (folder / "environment").write_text(json.dumps(dict(os.environ)))
    if command == "run":
        return _run(arguments)
    said = folder / command
    sys.stdout.write(said.read_text() if said.exists() else "")
    return 0


def _run(arguments: list[str]) -> int:
    names = [one.partition("=")[2] for one in arguments if one.startswith("--env=")]
    at = next(index for index, one in enumerate(arguments) if not one.startswith("--"))
    image, *rest = arguments[at:]
    if image == "no-such-image":
        sys.stderr.write(f"Unable to find image '{image}' locally\n")
        return 125
    if "--entrypoint=sh" in arguments:
        environment = dict(name.split("=", 1) for name in names)
        os.execve("/bin/sh", ["sh", *rest], {**os.environ, **environment})
    sys.stdout.write(_HELLO)
    return 0


if __name__ == "__main__":
    sys.exit(main())
