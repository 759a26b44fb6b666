"""Secrets in calls: put into the arguments when a call is made, and masked in whatever comes back."""

import json
from collections.abc import Callable, Iterable, Iterator
from typing import Final, TypeAlias
from urllib.parse import quote, quote_plus

from tidemill.actions.core.model import Outcome, Problem, SecretPath, SecretUse
from tidemill.actions.core.problems import authorization_problem
from tidemill.json import Json, dumps, loads

MASK: Final = "***"
# Masking what is shorter would blot out half of a text, and hide nothing that could not be guessed.
MASKED_LENGTH_MIN: Final = 4
# What URIs leave as it is, in their paths and in their queries (as the HTTP library writes them).
_PLAIN_IN_PATHS: Final = "!$%&'()*+,-./:;=@[\\]^_|~"
_PLAIN_IN_QUERIES: Final = "!$%&'()*+,-./:;=?@[\\]^_`{|}~"

# The value of a secret by namespace and name. Raises SecretError.
FindSecret: TypeAlias = Callable[[str, str], Json]


class SecretError(Exception):
    """A secret that is not there, or cannot be used as the workflow wants to."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.problem: Problem = authorization_problem(detail)


def put_in(
    arguments: bytes, uses: Iterable[SecretUse], namespace: str, find: FindSecret
) -> tuple[bytes, tuple[str, ...]]:
    """The arguments with their secrets, and the texts that may stand in no answer. Raises SecretError."""
    hidden: set[str] = set()
    # One holder above, so that the arguments as a whole are a place like any other.
    holder: list[Json] = [loads(arguments, field="arguments")]
    for use in uses:
        value = _value(use, namespace, find, hidden)
        _put(holder, ["0", *_tokens(use.pointer)], value)
    return dumps(holder[0]), tuple(sorted(hidden, key=len, reverse=True))


def masked(text: str, hidden: Iterable[str]) -> str:
    """The text without the secrets; `hidden` has longer ones first."""
    for secret in hidden:
        if len(secret) >= MASKED_LENGTH_MIN:
            text = text.replace(secret, MASK)
    return text


def forms(secret: str) -> Iterator[str]:
    """A secret as it stands, and as it stands inside of a JSON text, and of a URI or a form."""
    yield secret
    yield dumps(secret).decode()[1:-1]
    # Other writers of JSON escape what is not ASCII.
    yield json.dumps(secret)[1:-1]
    yield quote_plus(secret)
    yield quote(secret, safe="")
    yield quote(secret, safe=_PLAIN_IN_PATHS)
    yield quote(secret, safe=_PLAIN_IN_QUERIES)


def without_part(text: str, hidden: Iterable[str]) -> str:
    """The beginning of a longer text, without that of a secret at its end, which masking cannot find."""
    end = len(text)
    for secret in hidden:
        sizes = range(min(len(secret) - 1, len(text)), 0, -1)
        part = next((size for size in sizes if text.endswith(secret[:size])), 0)
        end = min(end, len(text) - part)
    return text[:end]


def without_first_part(text: str, hidden: Iterable[str]) -> str:
    """The end of a longer text without the end of a secret at its beginning."""
    backwards = (secret[::-1] for secret in hidden)
    return without_part(text[::-1], backwards)[::-1]


def cut(text: str, characters_max: int, hidden: Iterable[str]) -> str:
    """The first words of a text that is longer, without secrets: half of one would not be found later."""
    text = masked(text, hidden)
    return text if len(text) <= characters_max else f"{text[:characters_max].rpartition(' ')[0]} ..."


def mask_outcome(outcome: Outcome, hidden: Iterable[str]) -> Outcome:
    """The outcome without the secrets, in its output and in its error."""
    output, error = outcome.output, outcome.error
    if output is not None:
        output = _masked_json(output, hidden)
    if error is not None:
        error = Problem(error.type, error.status, masked(error.title, hidden), masked(error.detail, hidden))
    return Outcome(outcome.state, output, error)


def _masked_json(data: bytes, hidden: Iterable[str]) -> bytes:
    """Looks into each text by itself: a secret may be written in JSON in more ways than one."""
    shown = _mask_value(loads(data, field="output"), tuple(hidden))
    return dumps(shown)


def _mask_value(value: Json, hidden: tuple[str, ...]) -> Json:
    match value:
        case str():
            return masked(value, hidden)
        case list():
            return [_mask_value(item, hidden) for item in value]
        case dict():
            return {masked(key, hidden): _mask_value(item, hidden) for key, item in value.items()}
        case _:
            return value


def _value(use: SecretUse, namespace: str, find: FindSecret, hidden: set[str]) -> Json:
    values = [part if isinstance(part, str) else _secret(part, namespace, find, hidden) for part in use.parts]
    if len(values) == 1:
        return values[0]
    return "".join(value if isinstance(value, str) else dumps(value).decode() for value in values)


def _secret(path: SecretPath, namespace: str, find: FindSecret, hidden: set[str]) -> Json:
    value = find(namespace, path.name)
    for key in path.keys:
        if not isinstance(value, dict) or key not in value:
            raise SecretError(f"the secret {path.name} of the namespace {namespace} has no `{key}`")
        value = value[key]
    hidden.update(_texts(value))
    return value


def _texts(value: Json) -> Iterator[str]:
    match value:
        case str():
            yield from forms(value)
        case list():
            for item in value:
                yield from _texts(item)
        case dict():
            for item in value.values():
                yield from _texts(item)
        case bool() | None:
            return
        case _:
            yield dumps(value).decode()


def _tokens(pointer: str) -> list[str]:
    return [token.replace("~1", "/").replace("~0", "~") for token in pointer.split("/")[1:]]


def _put(holder: Json, tokens: list[str], value: Json) -> None:
    for token in tokens[:-1]:
        holder = _member(holder, token)
    last = tokens[-1]
    if isinstance(holder, dict):
        holder[last] = value
    elif isinstance(holder, list) and last.isdigit() and int(last) < len(holder):
        holder[int(last)] = value
    else:
        raise SecretError("a secret is to stand where the arguments have no place")


def _member(holder: Json, token: str) -> Json:
    if isinstance(holder, dict) and token in holder:
        return holder[token]
    if isinstance(holder, list) and token.isdigit() and int(token) < len(holder):
        return holder[int(token)]
    raise SecretError("a secret is to stand where the arguments have no place")
