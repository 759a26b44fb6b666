"""Turns the text of a document into JSON values: by the JSON reader where it is JSON, else as YAML 1.2."""

import json
from typing import Final, NoReturn

from tidemill.dsl import limits
from tidemill.dsl.bounds import RepeatedKey, scan
from tidemill.dsl.problems import DocumentError, refusal
from tidemill.dsl.yaml_reader import read_yaml
from tidemill.json import Json

# Longer runs of digits are out of range, and Python would refuse to convert thousands of them.
_INTEGER_CHARACTERS_MAX: Final = 20


def load(text: str | bytes) -> dict[str, Json]:
    """Read a document as authors write it, YAML 1.2 or JSON.

    Raises DocumentError for malformed text, duplicate keys, anything over the limits (aliases written out),
    integers outside int64/uint64, NUL and unpaired surrogates. The sentence has line and column where known.
    """
    source = _decode(text)
    document = _read(source)
    problem = scan(document)
    if problem:
        raise DocumentError([problem])
    if not isinstance(document, dict):
        raise refusal("a workflow document is an object with `document` and `do`")
    return document


def _decode(text: str | bytes) -> str:
    if len(text) > limits.DOCUMENT_BYTES_MAX:
        raise refusal(f"the document is larger than {limits.DOCUMENT_BYTES_MAX} bytes")
    try:
        if isinstance(text, bytes):
            return text.decode("utf-8-sig")
        text.encode()
    except UnicodeDecodeError as error:
        raise refusal(f"the document is not UTF-8 (byte {error.start})") from None
    except UnicodeEncodeError as error:
        raise refusal(f"an unpaired surrogate stands at character {error.start}") from None
    return text.removeprefix("\ufeff")


def _read(source: str) -> Json:
    """JSON first: it is quick; what is no JSON is left to YAML, of which JSON is a part."""
    fits_yaml = len(source.encode()) <= limits.YAML_BYTES_MAX
    if source.lstrip()[:1] in ("{", "["):
        try:
            return _read_json(source)
        except json.JSONDecodeError as error:
            if not fits_yaml:
                raise refusal(f"{error.msg}, at {error.lineno}:{error.colno}") from None
    if not fits_yaml:
        raise refusal(f"a YAML document may have {limits.YAML_BYTES_MAX} bytes; write a larger one as JSON")
    return read_yaml(source)


def _read_json(source: str) -> Json:
    """Read JSON text; an object with a key twice comes back as RepeatedKey, which the scan refuses."""
    try:
        document: Json = json.loads(
            source, object_pairs_hook=_object, parse_int=_integer, parse_constant=_refuse_constant
        )
    except RecursionError:
        raise refusal(f"the document is nested deeper than {limits.DOCUMENT_LEVELS_MAX} levels") from None
    return document


def _object(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    members = dict(pairs)
    if len(members) == len(pairs):
        return members
    keys = [key for key, _ in pairs]
    return RepeatedKey(pairs, next(key for index, key in enumerate(keys) if key in keys[:index]))


def _integer(digits: str) -> int:
    if len(digits) > _INTEGER_CHARACTERS_MAX:
        raise refusal(f"the integer {digits[:12]}... is outside the range of int64 and uint64")
    return int(digits)


def _refuse_constant(name: str) -> NoReturn:
    raise refusal(f"{name} is not a JSON number")
