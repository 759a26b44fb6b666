"""Translates a regular expression as jq's authors write it to RE2's dialect."""

from typing import Final

from tidemill.expressions.values import raised

# RE2's \d, \w, \s and \b know ASCII alone, and stay so: the Unicode classes would make patterns a hundred
# times larger. An h has no meaning of its own in jq's dialect, escaped or not.
_ESCAPES: Final = {"Z": r"\z", "h": "h", "H": "H"}


def translate(pattern: str, flags: str) -> str:
    """The pattern in RE2's words. Flags: i, x, p (`.` takes newlines); the others are not RE2's matter."""
    dialect = ("i" if "i" in flags else "") + ("s" if "p" in flags else "")
    prefix = f"(?{dialect})" if dialect else ""
    return prefix + "".join(_Translation(pattern, extended="x" in flags).pieces())


class _Translation:
    def __init__(self, pattern: str, *, extended: bool) -> None:
        self._pattern = pattern
        self._extended = extended
        self._at = 0

    def pieces(self) -> list[str]:
        pieces = []
        in_class = 0
        while self._at < len(self._pattern):
            character = self._pattern[self._at]
            self._at += 1
            if character == "\\":
                pieces.append(self._escape())
            elif in_class:
                in_class += {"[": 0, "]": -1}.get(character, 0)
                pieces.append(character)
            elif character == "[":
                in_class = 1
                pieces.append(character + self._class_start())
            elif self._extended and character.isspace():
                continue
            elif self._extended and character == "#":
                self._skip_comment()
            else:
                pieces.append(character)
        return pieces

    def _class_start(self) -> str:
        """A `^` and a `]` that stand first belong to the class."""
        start = self._at
        if self._pattern.startswith("^", self._at):
            self._at += 1
        if self._pattern.startswith("]", self._at):
            self._at += 1
        return self._pattern[start : self._at]

    def _escape(self) -> str:
        if self._at >= len(self._pattern):
            raise raised("Regex failure: end pattern at escape")
        letter = self._pattern[self._at]
        self._at += 1
        return _ESCAPES.get(letter, "\\" + letter)

    def _skip_comment(self) -> None:
        end = self._pattern.find("\n", self._at)
        self._at = len(self._pattern) if end < 0 else end + 1
