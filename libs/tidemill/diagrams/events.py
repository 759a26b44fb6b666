"""A few words for events: what is emitted, listened to, and what starts a workflow."""

from tidemill.diagrams.words import duration, expression, items, listed, members, scalar, shortened
from tidemill.json import Json


def emitted(task: Json) -> str:
    """The type of the event that an `emit` publishes."""
    event = members(members(members(task).get("emit")).get("event"))
    return scalar(members(event.get("with")).get("type", "an event"))


def strategy(value: Json) -> str:
    """What is listened to: `any of a, b until .done`."""
    given = members(value)
    if "one" in given:
        return _filter(given["one"])
    for word in ("all", "any"):
        if word in given:
            until = given.get("until")
            ending = "" if until is None else f" until {_until(until)}"
            return shortened(f"{_filters(word, given[word])}{ending}")
    return "any event"


def _filters(word: str, value: Json) -> str:
    filters = [_filter(item) for item in items(value)]
    if not filters:
        return "any event"
    return filters[0] if len(filters) == 1 else f"{word} of {listed(filters)}"


def _until(value: Json) -> str:
    return strategy(value) if isinstance(value, dict) else expression(value)


def _filter(value: Json) -> str:
    """The type, or where none is named the first attribute that is."""
    attributes = members(members(value).get("with"))
    named = [attributes["type"]] if "type" in attributes else []
    words = [scalar(name) for name in named] or [f"{key} {scalar(item)}" for key, item in attributes.items()]
    return words[0] if words else "any event"


def schedule(value: Json) -> str:
    """What starts a workflow; empty when only clients do."""
    given = members(value)
    starts = []
    if "every" in given:
        starts.append(f"every {duration(given['every'])}")
    if "cron" in given:
        starts.append(f"cron {scalar(given['cron'])}")
    if "after" in given:
        starts.append(f"{duration(given['after'])} after the last end")
    if "on" in given:
        starts.append(f"on {strategy(given['on'])}")
    return ", ".join(starts)
