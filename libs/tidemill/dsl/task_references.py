"""References of tasks that stand in the document once and run wherever they are used.

A task of a function or of an extension has the reference of the task that uses it, and behind it its own JSON
pointer: `/do/0/getPet/use/functions/getPetById`. So it is known where it runs and where it is written. An
extended task holds itself, beside the tasks of its extensions, at `/do/0/getPet/extended/0/getPet`. And a
subscription holds steps that are no tasks of its author: `/do/0/hear/with/subscription/consume` and
`/do/0/hear/with/subscription/foreach`.
"""

import re
from typing import Final

from tidemill.dsl.pointers import child, escape

_EXTENDED: Final = "/extended/0/"
_EXTENDED_ITSELF: Final = re.compile(rf"{_EXTENDED}[^/]+")
_BEHIND_USER: Final = re.compile(r"/use/(?:functions|extensions)/.*$")
_CONSUME: Final = "/with/subscription/consume"
_FOREACH: Final = "/with/subscription/foreach"
_USED: Final = re.compile(r"^.*(?=/use/(?:functions|extensions)/)")


def of_function(caller: str, name: str) -> str:
    """The reference of the task of a function, below the call at `caller`."""
    return child(f"{caller}/use/functions", name)


def of_extension(extended: str, index: int, name: str) -> str:
    """What the references of the tasks of an extension begin with, below the task that they extend."""
    return f"{extended}/use/extensions/{index}/{escape(name)}"


def of_extended_itself(reference: str) -> str:
    """The reference of an extended task itself, without what its extensions add."""
    return f"{reference}{_EXTENDED}{reference.rpartition('/')[2]}"


def as_written(reference: str) -> str:
    """A reference as it would be without extensions: as authors know it, and errors name it."""
    return _EXTENDED_ITSELF.sub("", reference) if _EXTENDED in reference else reference


def is_extended_itself(reference: str) -> bool:
    """Whether a reference is that of an extended task itself, below the one of the whole."""
    return _EXTENDED in reference and reference.rpartition("/")[0].endswith(_EXTENDED.rstrip("/"))


def consume_of(subscription: str) -> str:
    """The reference of the calls of a subscription, one after the other."""
    return subscription + _CONSUME


def foreach_of(subscription: str) -> str:
    """The reference of what goes through the messages that a call has brought."""
    return subscription + _FOREACH


def is_step(reference: str) -> bool:
    """Whether a reference is that of a step of a subscription."""
    return reference.endswith((_CONSUME, _FOREACH))


def with_rounds(reference: str) -> str:
    """The task whose rounds those of a reference are, as authors see it."""
    return reference.removesuffix(_FOREACH)


def user_of(reference: str) -> str:
    """The task of `do` that a task of `use` runs for, as it is written; any other task itself."""
    return _BEHIND_USER.sub("", as_written(reference))


def pointer_of(reference: str) -> str:
    """The JSON pointer of the place in the document where a task is written."""
    return _USED.sub("", as_written(reference))
