"""How large a definition document may be: every bound of loading and checking, with its unit."""

from typing import Final

# A document arrives whole in one request; what authors write by hand stays far below.
DOCUMENT_BYTES_MAX: Final = 1_048_576
# The YAML reader costs about 3 microseconds a character and 100 a value, the JSON reader a hundredth of that.
YAML_BYTES_MAX: Final = 262_144
YAML_NODES_MAX: Final = 10_000
# The text of a .proto file goes with each call that it describes.
PROTO_BYTES_MAX: Final = 131_072
# So does the code of a script from outside, which is no longer than one in the document may be.
SCRIPT_BYTES_MAX: Final = 262_144
# Nodes count after aliases are written out, so that a few lines cannot stand for millions.
DOCUMENT_NODES_MAX: Final = 50_000
DOCUMENT_CHARACTERS_MAX: Final = 1_048_576
DOCUMENT_LEVELS_MAX: Final = 80
STRING_CHARACTERS_MAX: Final = 262_144
NAME_CHARACTERS_MAX: Final = 256
KEY_CHARACTERS_MAX: Final = 1_024

TASK_LEVELS_MAX: Final = 20
TASKS_PER_LIST_MAX: Final = 1_000
# Of functions and extensions, counted wherever they are used, for a plan holds them each time. Each 100
# characters of a text count as one more.
REUSED_VALUES_MAX: Final = 50_000
# Functions from outside that call one another; each level is fetched after the one before.
FUNCTION_LEVELS_MAX: Final = 5
SPLIT_BRANCHES_MAX: Final = 100
# Slots a period of `pace`.
PACE_LIMIT_MAX: Final = 1_000_000
# Different expressions, together: compiling them is the dearest thing that a check does.
DOCUMENT_EXPRESSION_CHARACTERS_MAX: Final = 50_000
DATA_SCHEMA_NODES_MAX: Final = 10_000
PATTERN_CHARACTERS_MAX: Final = 1_000
PATTERN_PROGRAM_BYTES_MAX: Final = 262_144
DOCUMENT_PATTERNS_MAX: Final = 200
# An execution may wait by all of them at once, and each costs its lane work for every event.
DOCUMENT_EVENT_FILTERS_MAX: Final = 500
DATA_SCHEMA_PATTERN_BYTES_MAX: Final = 262_144

PROBLEMS_MAX: Final = 100

# A hundred years: longer is a mistake, and the sum with any time of this age stays inside int64.
DURATION_DAYS_MAX: Final = 36_525
