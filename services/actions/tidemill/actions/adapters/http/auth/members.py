"""Members of an authentication, read with their types checked. Everything here raises AuthenticationError."""

from typing import Final

import httpx

from tidemill.actions.adapters.http.auth.problems import invalid, misconfigured
from tidemill.json import Json

_SCHEMES: Final = ("http", "https")


def member_object(value: Json, name: str) -> dict[str, Json]:
    """An object; what is missing is an empty one."""
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise invalid(f"authentication.{name} must be an object")
    return value


def text(value: Json, name: str) -> str:
    """A string that must be there."""
    if not isinstance(value, str):
        raise invalid(f"authentication.{name} must be a string")
    return value


def optional_text(value: Json, name: str) -> str:
    """A string; what is missing is empty."""
    return "" if value is None else text(value, name)


def texts(value: Json, name: str) -> tuple[str, ...]:
    """An array of strings; what is missing is empty."""
    if value is None:
        return ()
    if not isinstance(value, list):
        raise invalid(f"authentication.{name} must be an array of strings")
    return tuple(text(item, f"{name}[{at}]") for at, item in enumerate(value))


def choice(value: Json, name: str, known: tuple[str, ...]) -> str:
    """One of a few words."""
    if value not in known:
        raise misconfigured(f"authentication.{name} must be one of {', '.join(known)}")
    return str(value)


def web_address(value: str, name: str) -> httpx.URL:
    """An absolute http or https URI."""
    try:
        url = httpx.URL(value)
    except (httpx.InvalidURL, ValueError):
        raise misconfigured(f"authentication.{name} is not a URI") from None
    if url.scheme not in _SCHEMES or not url.host:
        raise misconfigured(f"authentication.{name} must be an absolute http or https URI")
    if url.userinfo:
        raise misconfigured(f"authentication.{name} cannot have a user: that is what `client` is for")
    return url
