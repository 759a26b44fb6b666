"""Regular expressions of filters, run by a linear-time engine: no pattern can make an event take long."""

from typing import Final

import re2

PATTERN_CHARACTERS_MAX: Final = 1_000
# What one compiled pattern may take; RE2 refuses a pattern that does not fit.
_PATTERN_BYTES_MAX: Final = 1024 * 1024


class PatternError(ValueError):
    """A pattern that RE2 does not take: malformed, too large, or with look-around or back-references."""


class Pattern:
    """A compiled pattern; its own `^` and `$` say what it is anchored to."""

    __slots__ = ("_compiled", "text")

    def __init__(self, text: str) -> None:
        """Compile; raises PatternError."""
        if len(text) > PATTERN_CHARACTERS_MAX:
            raise PatternError(f"a pattern has at most {PATTERN_CHARACTERS_MAX} characters")
        options = re2.Options()
        options.max_mem = _PATTERN_BYTES_MAX
        options.never_capture = True
        options.log_errors = False
        try:
            self._compiled = re2.compile(text.encode(), options)
        except re2.error as error:
            raise PatternError(_reason(error)) from None
        self.text = text

    def found_in(self, text: str) -> bool:
        """Whether the pattern is found in the text."""
        # Bytes spare the engine's wrapper the translation of offsets that nobody reads.
        return self._compiled.search(text.encode()) is not None


def is_pattern(text: str) -> bool:
    """Whether a filter's string is a regular expression: it starts with `^` and ends with `$`."""
    return len(text) > 1 and text.startswith("^") and text.endswith("$")


def _reason(error: Exception) -> str:
    reason = error.args[0] if error.args else ""
    return reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(reason)
