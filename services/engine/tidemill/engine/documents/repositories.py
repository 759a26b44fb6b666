"""Pages of GitHub and GitLab, and where their raw documents are (specification, structure of catalogs)."""

import re
from typing import Final
from urllib.parse import urlsplit, urlunsplit

_GITHUB: Final = "github.com"
_GITHUB_RAW: Final = "raw.githubusercontent.com"
_GITLAB: Final = "gitlab.com"
_IN_GITHUB: Final = re.compile(r"/(?P<repository>[^/]+/[^/]+)/(?:tree|blob)/(?P<ref>[^/]+)/(?P<path>.+)")
# The root of a repository as a catalog: it names no branch, so that the default one is meant.
_FUNCTION: Final = re.compile(r"/(?P<repository>[^/]+/.*?[^/]+)/(?P<path>functions/[^/]+/[^/]+/.+)")
_IN_GITLAB: Final = re.compile(r"(?P<project>/.+?)/-/(?:tree|blob)/(?P<path>.+)")
# What stands between the project and the path in all pages of GitLab but that of the project itself.
_GITLAB_PAGE: Final = "/-/"
# Tags and commits: what does not look like one is a branch.
_NO_BRANCH: Final = re.compile(r"v?\d+(\.\d+)+.*|[0-9a-f]{40}|refs")


def raw_address(uri: str) -> str:
    """Where the raw document of a URI is; the URI itself for all that is no page of GitHub or GitLab."""
    parts = urlsplit(uri)
    host = parts.netloc.lower()
    path = parts.path
    if parts.scheme not in ("http", "https"):
        return uri
    if host == _GITHUB:
        host, path = _raw_in_github(path)
    elif match := _IN_GITLAB.fullmatch(path):
        path = f"{match['project']}/-/raw/{match['path']}"
    elif host == _GITLAB and _GITLAB_PAGE not in path and (match := _FUNCTION.fullmatch(path)):
        path = f"/{match['repository']}/-/raw/HEAD/{match['path']}"
    if (host, path) == (parts.netloc.lower(), parts.path):
        return uri
    return urlunsplit(("https", host, path, parts.query, "")) if host == _GITHUB_RAW else _at(uri, path)


def _raw_in_github(path: str) -> tuple[str, str]:
    """The host and the path of a document in a repository, given by the path of its page."""
    if match := _IN_GITHUB.fullmatch(path):
        ref = match["ref"] if _NO_BRANCH.fullmatch(match["ref"]) else f"refs/heads/{match['ref']}"
        return _GITHUB_RAW, f"/{match['repository']}/{ref}/{match['path']}"
    match = _FUNCTION.fullmatch(path)
    if match and match["repository"].count("/") == 1:
        return _GITHUB_RAW, f"/{match['repository']}/HEAD/{match['path']}"
    return _GITHUB, path


def _at(uri: str, path: str) -> str:
    return urlsplit(uri)._replace(path=path).geturl()
