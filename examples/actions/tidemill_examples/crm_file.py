"""The file behind the example database: read, changed and replaced as one, under a lock."""

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

PATH_VARIABLE = "TIDEMILL_EXAMPLES_CRM"


@dataclass(slots=True)
class Book:
    """What is known in one namespace: its contacts, whose turn it is in each team, what was sent.

    The keys of the changes that were made, and what some of them answered, make each happen once.
    """

    contacts: dict[str, dict[str, Any]] = field(default_factory=dict)
    turns: dict[str, int] = field(default_factory=dict)
    changes: list[str] = field(default_factory=list)
    answers: dict[str, Any] = field(default_factory=dict)
    messages: list[dict[str, Any]] = field(default_factory=list)
    tasks: list[Any] = field(default_factory=list)

    def contact(self, name: str) -> dict[str, Any]:
        """A contact, new where it was not known."""
        return self.contacts.setdefault(name, {})

    def is_new(self, key: str) -> bool:
        """Whether the change of this key is still to be made; from now on it is not."""
        if key in self.changes:
            return False
        self.changes.append(key)
        return True


@contextmanager
def opened(namespace: str) -> Iterator[Book]:
    """The namespace's book; what the block changes is in the file afterwards, whole or not at all."""
    path = Path(os.environ.get(PATH_VARIABLE, "crm.json"))
    with path.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        books = json.loads(path.read_text()) if path.exists() else {}
        book = Book(**books.get(namespace, {}))
        yield book
        books[namespace] = asdict(book)
        written = path.with_suffix(".new")
        written.write_text(json.dumps(books, indent=1))
        written.replace(path)
