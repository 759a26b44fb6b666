"""The subject that a definition's ordering key finds on an event: what its value says as text."""

from tidemill.json import INTEGER_MAX, INTEGER_MIN, Json, dumps


def subject_text(key: Json) -> str | None:
    """The subject: empty for null, None for a value that can be none, as a boolean or a list.

    Numbers that are equal are one subject, however their events write them: 7 and 7.0.
    """
    match key:
        case None:
            return ""
        case str():
            return key
        case float() if key.is_integer() and INTEGER_MIN <= key <= INTEGER_MAX:
            return str(int(key))
        case int() | float() if not isinstance(key, bool):
            return dumps(key).decode()
        case _:
            return None
