"""A few words for errors: what a `try` catches, how it tries again, and what a `raise` raises."""

from tidemill.diagrams.words import duration, expression, members, scalar, shortened
from tidemill.dsl.references import UnknownReferenceError, lookup
from tidemill.json import Json


def caught(catch: Json) -> str:
    """Which errors a `catch` takes: `status 503 when .ok`."""
    given = members(catch)
    wanted = members(members(given.get("errors")).get("with"))
    words = [", ".join(_attribute(key, value) for key, value in wanted.items()) or "any error"]
    words += [f"when {expression(given['when'])}"] if "when" in given else []
    words += [f"except when {expression(given['exceptWhen'])}"] if "exceptWhen" in given else []
    return shortened(" ".join(words))


def _attribute(key: str, value: Json) -> str:
    return _short_type(value) if key == "type" else f"{key} {scalar(value)}"


def _short_type(value: Json) -> str:
    """The last part of an error's type: its path tells the family, which all of them share."""
    return scalar(scalar(value).rstrip("/").rpartition("/")[2])


def retried(document: Json, catch: Json) -> str:
    """How a `catch` tries again: `retry 3 times after 1 s, exponential`; empty when it does not."""
    given = members(catch)
    if "retry" not in given:
        return ""
    try:
        named = given["retry"]
        policy = members(lookup(document, "retries", named) if isinstance(named, str) else named)
    except UnknownReferenceError as error:
        return f"retry {scalar(error.name)}"
    words = [f"retry{_count(policy.get('limit'))}"]
    words += [f"after {duration(policy['delay'])}"] if "delay" in policy else []
    schemes = [name for name in ("linear", "exponential") if name in members(policy.get("backoff"))]
    words += [f"when {expression(policy['when'])}"] if "when" in policy else []
    words += [f"except when {expression(policy['exceptWhen'])}"] if "exceptWhen" in policy else []
    return shortened(", ".join([" ".join(words), *schemes]))


def _count(limit: Json) -> str:
    count = members(members(limit).get("attempt")).get("count")
    if count is None:
        return ""
    return f" {scalar(count)} {'time' if count == 1 else 'times'}"


def raised(task: Json) -> str:
    """The error that a `raise` raises: `404 Not Found`, or the last part of its type."""
    error = members(members(task).get("raise")).get("error")
    if isinstance(error, str):
        return scalar(error)
    given = members(error)
    title = scalar(given["title"]) if "title" in given else _short_type(given.get("type"))
    return shortened(f"{scalar(given.get('status'))} {title}")
