"""Builtins that are written in the language itself, because their arguments are expressions."""

from functools import cache
from typing import Final

from tidemill.expressions import syntax
from tidemill.expressions.parser import parse

_SOURCES: Final[dict[str, str]] = {
    "map/1": "def map(f): [.[] | f];",
    "select/1": "def select(f): if f then . else empty end;",
    "recurse/0": "def recurse: recurse(.[]?);",
    "recurse/1": "def recurse(f): def down: ., (f | down); down;",
    "recurse/2": "def recurse(f; keep): def down: ., (f | select(keep) | down); down;",
    "map_values/1": "def map_values(f): .[] |= f;",
    "with_entries/1": "def with_entries(f): to_entries | map(f) | from_entries;",
    "walk/1": """def walk(f): def visit:
        if type == "object" then map_values(visit) elif type == "array" then map(visit) end | f; visit;""",
    "del/1": "def del(places): delpaths([path(places)]);",
    "paths/0": "def paths: path(..) | select(. != []);",
    "paths/1": "def paths(keep): path(.. | select(keep)) | select(. != []);",
    "leaf_paths/0": "def leaf_paths: paths(scalars);",
    "pick/1": """def pick(places): . as $whole
        | reduce path(places) as $place (null; setpath($place; $whole | getpath($place)));""",
    "first/0": "def first: .[0];",
    "last/0": "def last: .[-1];",
    "nth/1": "def nth($position): .[$position];",
    "nth/2": """def nth($position; f): if $position < 0 then error("nth doesn't support negative indices")
        else first(skip($position; f)) end;""",
    "until/2": "def until(done; next): def go: if done then . else next | go end; go;",
    "while/2": "def while(going; next): def go: if going then ., (next | go) else empty end; go;",
    "repeat/1": "def repeat(f): def again: f, again; again;",
    "range/2": "def range($start; $stop): _range($start; $stop);",
    "range/3": "def range($start; $stop; $by): _range_by($start; $stop; $by);",
    "isempty/1": "def isempty(f): first((f | false), true);",
    "any/1": "def any(f): any(.[]; f);",
    "any/2": "def any(source; f): first((source | select(f) | true), false);",
    "all/1": "def all(f): all(.[]; f);",
    "all/2": "def all(source; f): first((source | select(f | not) | false), true);",
    "add/1": "def add(f): reduce f as $item (null; . + $item);",
    "sort_by/1": "def sort_by(f): _sort_by(map([f]));",
    "group_by/1": "def group_by(f): _group_by(map([f]));",
    "unique_by/1": "def unique_by(f): _unique_by(map([f]));",
    "min_by/1": "def min_by(f): _min_by(map([f]));",
    "max_by/1": "def max_by(f): _max_by(map([f]));",
    "in/1": "def in(whole): . as $key | whole | has($key);",
    "combinations/0": """def combinations: if length == 0 then [] else
        .[0][] as $head | (.[1:] | combinations) as $tail | [$head] + $tail end;""",
    "combinations/1": "def combinations(size): . as $items | [range(size) | $items] | combinations;",
    "arrays/0": 'def arrays: select(type == "array");',
    "objects/0": 'def objects: select(type == "object");',
    "iterables/0": 'def iterables: select(type | . == "array" or . == "object");',
    "booleans/0": 'def booleans: select(type == "boolean");',
    "numbers/0": 'def numbers: select(type == "number");',
    "normals/0": "def normals: select(isnormal);",
    "finites/0": "def finites: select(isfinite);",
    "strings/0": 'def strings: select(type == "string");',
    "nulls/0": "def nulls: select(. == null);",
    "values/0": "def values: select(. != null);",
    "scalars/0": 'def scalars: select(type | . != "array" and . != "object");',
    "abs/0": "def abs: if . < 0 then -. end;",
    "capture/1": "def capture($re): match($re) | _named_captures;",
    "capture/2": "def capture($re; $flags): match($re; $flags) | _named_captures;",
    "scan/1": "def scan($re): scan($re; null);",
    "scan/2": """def scan($re; $flags): match($re; "g" + $flags)
        | if .captures == [] then .string else [.captures[].string] end;""",
    "split/2": "def split($re; $flags): [splits($re; $flags)];",
    "splits/1": "def splits($re): splits($re; null);",
    "splits/2": """def splits($re; $flags): . as $text
        | foreach (match($re; $flags + "g"), null) as $found
            ([0, null]; [$found.offset + $found.length, $text[.[0]:$found.offset]]; .[1]);""",
    "sub/2": 'def sub($re; f): sub($re; f; "");',
    "sub/3": """def sub($re; f; $flags):
        _substitutions([match($re; $flags) | [.offset, .length, [_named_captures | f]]]);""",
    "gsub/2": 'def gsub($re; f): sub($re; f; "g");',
    "gsub/3": 'def gsub($re; f; $flags): sub($re; f; $flags + "g");',
    "todate/0": 'def todate: strftime("%Y-%m-%dT%H:%M:%SZ");',
    "fromdate/0": 'def fromdate: strptime("%Y-%m-%dT%H:%M:%SZ") | mktime;',
    "todateiso8601/0": "def todateiso8601: todate;",
    "fromdateiso8601/0": "def fromdateiso8601: fromdate;",
    "date/0": "def date: todate;",
    "dateadd/2": "def dateadd($unit; $amount): . + $amount;",
    "datesub/2": "def datesub($unit; $amount): . - $amount;",
    "tostream/0": """def tostream: path(def down: (.[]? | down), .; down) as $place
        | getpath($place) | reduce path(.[]?) as $inner ([$place, .]; [$place + $inner]);""",
    "fromstream/1": """def fromstream(events): {value: null, done: false} as $fresh
        | foreach events as $event ($fresh;
            if .done then $fresh end
            | ($event[0] | length) as $depth
            | if $event | length == 2
              then .done = ($depth == 0) | setpath(["value"] + $event[0]; $event[1])
              else .done = ($depth == 1) end;
            if .done then .value else empty end);""",
    "truncate_stream/1": """def truncate_stream(events): . as $levels | null | events
        | select((.[0] | length) > $levels) | .[0] |= .[$levels:];""",
    "INDEX/1": "def INDEX(key): INDEX(.[]; key);",
    "INDEX/2": "def INDEX(rows; key): reduce rows as $row ({}; .[$row | key | tostring] = $row);",
    "JOIN/2": "def JOIN($index; key): [.[] | [., $index[key]]];",
    "JOIN/3": "def JOIN($index; rows; key): rows | [., $index[key]];",
    "JOIN/4": "def JOIN($index; rows; key; f): rows | [., $index[key]] | f;",
    "IN/1": "def IN(source): any(source == .; .);",
    "IN/2": "def IN(rows; source): any(rows == source; .);",
}

NAMES: Final = frozenset(_SOURCES)


@cache
def definition_of(key: str) -> syntax.Define | None:
    """The definition of a builtin `name/arity`, or None when there is none in the language."""
    source = _SOURCES.get(key)
    if source is None:
        return None
    definition = parse(source + " .")
    assert isinstance(definition, syntax.Define)
    return definition
