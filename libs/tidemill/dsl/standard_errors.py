"""The standard errors of the language, and when two error types are the same."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

_HOST: Final = "https://open-workflow-specification.org"
_FORMER_HOST: Final = "https://serverlessworkflow.io"
_TYPES: Final = f"{_HOST}/spec/1.0.0/errors/"
_PATHS: Final = ("/spec/1.0.0/errors/", "/dsl/errors/types/")


class StandardError(NamedTuple):
    """An error that the engine raises by itself; `status` is what it has where nothing fits better."""

    type: str
    status: int
    title: str


STANDARD_ERRORS: Final[Mapping[str, StandardError]] = MappingProxyType(
    {
        name: StandardError(f"{_TYPES}{name}", status, title)
        for name, status, title in (
            ("configuration", 400, "Configuration Error"),
            ("validation", 400, "Validation Error"),
            ("expression", 400, "Expression Error"),
            ("authentication", 401, "Authentication Error"),
            ("authorization", 403, "Authorization Error"),
            ("timeout", 408, "Timeout Error"),
            ("communication", 500, "Communication Error"),
            ("runtime", 500, "Runtime Error"),
        )
    }
)


def standard_error(name: str) -> StandardError:
    """The standard error of a name, such as `timeout`. Raises KeyError for others."""
    return STANDARD_ERRORS[name]


def normalize_error_type(uri: str) -> str:
    """The form of an error type to compare by: standard types have two hosts and two paths (profile, item 5).

    Any other type stands for itself.
    """
    for host in (_HOST, _FORMER_HOST):
        for path in _PATHS:
            if uri.startswith(host + path):
                return _TYPES + uri.removeprefix(host + path)
    return uri
