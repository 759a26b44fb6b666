"""Closures that change one place: `.a.b = x`, `.a |= f`, `del(.a)`."""

from tidemill.expressions.budget import Run
from tidemill.expressions.closures.shapes import Single
from tidemill.expressions.editor import Editor
from tidemill.expressions.machine import Environment
from tidemill.expressions.paths import index
from tidemill.json import Json


def assign(keys: list[Single], content: Single) -> Single:
    """`.key.key = content`"""

    def change(value: Json, environment: Environment, run: Run) -> Json:
        new = content(value, environment, run)
        editor = Editor(value, run.budget)
        editor.set(_path(keys, value, environment, run), new)
        return editor.root

    return change


def modify(keys: list[Single], update: Single) -> Single:
    """`.key.key |= update`"""

    def change(value: Json, environment: Environment, run: Run) -> Json:
        path = _path(keys, value, environment, run)
        editor = Editor(value, run.budget)
        editor.set(path, update(editor.get(path), environment, run))
        return editor.root

    return change


def delete(keys: list[Single]) -> Single:
    """`del(.key.key)`"""

    def change(value: Json, environment: Environment, run: Run) -> Json:
        path = _path(keys, value, environment, run)
        editor = Editor(value, run.budget)
        editor.delete([path])
        return editor.root

    return change


def _path(keys: list[Single], value: Json, environment: Environment, run: Run) -> list[Json]:
    """The path of a chain of keys, which has to be readable: its errors are those of reading."""
    path: list[Json] = []
    place = value
    for key in keys:
        wanted = key(value, environment, run)
        place = index(place, wanted, run.budget)
        path.append(wanted)
    return path
