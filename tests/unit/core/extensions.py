"""Workflows whose tasks are extended: what their tasks note, and the extensions that note beside them."""

from tests.unit.core.driver import Driver, Task, Value, set_task


def add(name: str, **members: Value) -> Task:
    """A task that notes when it runs."""
    return set_task(name, {"seen": f'${{ .seen + ["{name}"] }}'}, **members)


def extension(name: str, extend: str, **members: Value) -> Task:
    """An item of `use.extensions`."""
    return {name: {"extend": extend, **members}}


def around(name: str, extend: str, **members: Value) -> Task:
    """An extension that notes when its tasks run."""
    return extension(name, extend, before=[add(f"{name}<")], after=[add(f"{name}>")], **members)


def extended(*tasks: Task, by: list[Task], **use: Value) -> Driver:
    """An execution of these tasks, extended by these."""
    return Driver(*tasks, use={"extensions": by, **use})


def seen(*names: str) -> Value:
    """The data of tasks that have noted these names."""
    return {"seen": list(names)}
