"""Where secrets come from: variables of the process, and files in a folder. Read anew for each call."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from tidemill.actions.core.secrets import SecretError
from tidemill.json import Json, JsonError, loads

# `TIDEMILL_SECRET.shop.mailer` is the secret `mailer` of the namespace `shop`.
VARIABLE_PREFIX: Final = "TIDEMILL_SECRET."
# No separators, and nothing that leads out of a folder.
_NAME: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*")


class Secrets:
    """The secrets of every namespace; none sees those of another.

    A file `folder/namespace/name` comes before a variable of the same meaning. A text that is a JSON object
    is one, anything else is text without the line breaks at its end; a folder in the place of the file is an
    object of its files, as secrets are mounted into containers.
    """

    def __init__(self, environment: Mapping[str, str], folder: str = "", *, bytes_max: int) -> None:
        """`folder` may be empty: then there are variables alone."""
        self._environment = environment
        self._folder = Path(folder) if folder else None
        self._bytes_max = bytes_max

    def find(self, namespace: str, name: str) -> Json:
        """The secret. Raises SecretError where there is none, or it is too large."""
        # Both parts become parts of a path and of a variable's name.
        if _NAME.fullmatch(name) and _NAME.fullmatch(namespace) and "." not in namespace:
            value = self._file(namespace, name)
            if value is None:
                value = self._variable(namespace, name)
            if value is not None:
                return value
        raise SecretError(f"there is no secret {name} for the namespace {namespace}")

    def _variable(self, namespace: str, name: str) -> Json:
        text = self._environment.get(f"{VARIABLE_PREFIX}{namespace}.{name}")
        return None if text is None else self._parsed(text.encode(), name)

    def _file(self, namespace: str, name: str) -> Json:
        if self._folder is None:
            return None
        path = self._folder / namespace / name
        try:
            if path.is_dir():
                # Kubernetes has its own files there, whose names begin with two dots.
                files = sorted(file for file in path.iterdir() if not file.name.startswith(".."))
                return {file.name: self._parsed(self._read(file), name) for file in files}
            return self._parsed(self._read(path), name)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise SecretError(f"the secret {name} cannot be read: {error.strerror}") from None

    def _read(self, path: Path) -> bytes:
        with path.open("rb") as file:
            return file.read(self._bytes_max + 1)

    def _parsed(self, data: bytes, name: str) -> Json:
        if len(data) > self._bytes_max:
            raise SecretError(f"the secret {name} is over secret_bytes_max, {self._bytes_max}")
        try:
            text = data.decode().rstrip("\r\n")
        except UnicodeDecodeError:
            raise SecretError(f"the secret {name} is not text in UTF-8") from None
        if not text.lstrip().startswith("{"):
            return text
        try:
            return loads(text, field="secret")
        except JsonError:
            return text
