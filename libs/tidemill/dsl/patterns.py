"""Regular expressions of event filters: texts from `^` to `$`, for an engine that runs in linear time."""

import re2

from tidemill.dsl.limits import PATTERN_CHARACTERS_MAX, PATTERN_PROGRAM_BYTES_MAX


def is_pattern(text: str) -> bool:
    """Whether a text in a filter is a regular expression (profile, item 10)."""
    return len(text) > 1 and text.startswith("^") and text.endswith("$")


def compile_pattern(text: str) -> "re2._Regexp[bytes]":
    """Compile; raises ValueError for what the engine does not take, such as look-around."""
    if len(text) > PATTERN_CHARACTERS_MAX:
        raise ValueError(f"it has more than {PATTERN_CHARACTERS_MAX} characters")
    options = re2.Options()
    options.max_mem = PATTERN_PROGRAM_BYTES_MAX
    options.never_capture = True
    options.log_errors = False
    try:
        return re2.compile(text.encode(), options)
    except re2.error as error:
        reason = error.args[0] if error.args else ""
        raise ValueError(
            reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(reason)
        ) from None
