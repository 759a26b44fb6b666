"""The strings of one call's authentication that may be shown nowhere."""

from collections.abc import Iterable

from tidemill.actions.core.secrets import forms


class HiddenTexts:
    """What the author gave, which stands in the recorded arguments, and what was made of it, which does not.

    A token comes only while the call is sent, so that this grows: ask for the texts when they are needed.
    """

    __slots__ = ("_given", "_made")

    def __init__(self, given: Iterable[str] = (), made: Iterable[str] = ()) -> None:
        self._given = tuple(form for text in given if text for form in forms(text))
        self._made = list(made)

    def add(self, *made: str) -> None:
        """Hide what has been made: tokens, assertions."""
        self._made += [text for text in made if text and text not in self._made]

    def in_errors(self) -> tuple[str, ...]:
        """What no error may show; longer ones first, since one may be a part of another."""
        return _longest_first({*self._given, *self._made})

    def in_outputs(self) -> tuple[str, ...]:
        """What no output may show. The given is not among it: an answer may well hold such a word by chance,
        and where it is a secret of the namespace, whoever put it in hides it.
        """
        return _longest_first(set(self._made))


def _longest_first(texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(texts, key=lambda text: (-len(text), text)))
