"""Rules about what `run` starts."""

import re
from collections.abc import Iterator
from types import MappingProxyType
from typing import Final

from tidemill.dsl.pointers import child
from tidemill.dsl.problems import Problem
from tidemill.dsl.rules.rule import Check, RuleTable
from tidemill.dsl.shapes.values import LABEL, SEMANTIC_VERSION
from tidemill.dsl.walk import Place
from tidemill.expressions import expression_source

LATEST: Final = "latest"
# The specification's table has the first and the last, and its examples the one between.
SCRIPT_LANGUAGES: Final = ("js", "javascript", "python")
_LABEL: Final = re.compile(LABEL)
_VERSION: Final = re.compile(SEMANTIC_VERSION)


def workflow(place: Place, _check: Check) -> Iterator[Problem]:
    """A workflow is known by namespace, name and version; it may be published after its parent."""
    for key, text in place.value.items() if isinstance(place.value, dict) else ():
        if not isinstance(text, str) or expression_source(text) is not None:
            continue
        if key in ("namespace", "name") and not _LABEL.fullmatch(text):
            yield Problem(child(place.pointer, key), f"`{text:.80}` cannot be the {key} of a workflow")
        if key == "version" and text != LATEST and not _VERSION.fullmatch(text):
            message = (
                f"`{text:.80}` is not a version; write all three numbers, such as `1.0.0`, or `{LATEST}`"
            )
            yield Problem(child(place.pointer, key), message)


def run_workflow(place: Place, _check: Check) -> Iterator[Problem]:
    """What a workflow gives is its output; `return` chooses among the streams of a process."""
    if isinstance(place.value, dict) and "return" in place.value:
        message = "`return` means nothing for a workflow and is passed over: its output is what it gives"
        yield Problem(child(place.pointer, "return"), message, "warning")


def script(place: Place, _check: Check) -> Iterator[Problem]:
    """A script is for one of the interpreters that the specification names."""
    language = place.value.get("language") if isinstance(place.value, dict) else None
    if isinstance(language, str) and language not in SCRIPT_LANGUAGES:
        known = ", ".join(f"`{name}`" for name in SCRIPT_LANGUAGES)
        message = f"there are scripts in {known}, and none in `{language:.80}`; run a container for others"
        yield Problem(child(place.pointer, "language"), message)


RULES: Final[RuleTable] = MappingProxyType({"workflow process": workflow, "run workflow": run_workflow})
