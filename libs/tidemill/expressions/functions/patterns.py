"""Translates a regular expression as jq's authors write it to RE2's dialect."""

from typing import Final

from tidemill.expressions.values import raised

# RE2 has no class of hexadecimal digits. Its \d, \w, \s and \b know ASCII alone, and stay so: the Unicode
# classes would make patterns a hundred times larger.
_CLASSES: Final = {"h": "0-9a-fA-F"}
_ANCHORS: Final = {"Z": r"\z"}


def translate(pattern: str, flags: str) -> str:
    """The pattern in RE2's words. Flags: i, x, s (`.` takes newlines), n and g are not RE2's matter."""
    dialect = "".join(letter for letter in ("i" if "i" in flags else "", "s" if _dot_all(flags) else ""))
    prefix = f"(?{dialect})" if dialect else ""
    return prefix + "".join(_Translation(pattern, extended="x" in flags).pieces())


def _dot_all(flags: str) -> bool:
    return "s" in flags or "p" in flags


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
                pieces.append(self._escape(in_class > 0))
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

    def _escape(self, in_class: bool) -> str:
        if self._at >= len(self._pattern):
            raise raised("Regex failure: end pattern at escape")
        letter = self._pattern[self._at]
        self._at += 1
        if letter in _CLASSES:
            return _CLASSES[letter] if in_class else f"[{_CLASSES[letter]}]"
        if letter.lower() in _CLASSES and not in_class:
            return f"[^{_CLASSES[letter.lower()]}]"
        return _ANCHORS.get(letter, "\\" + letter)

    def _skip_comment(self) -> None:
        end = self._pattern.find("\n", self._at)
        self._at = len(self._pattern) if end < 0 else end + 1
