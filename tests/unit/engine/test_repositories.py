"""Pages of GitHub and GitLab, and where their raw documents are."""

import pytest

from tidemill.engine.documents.repositories import raw_address

RAW = "https://raw.githubusercontent.com"
COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.mark.parametrize(
    ("page", "raw"),
    [
        # The example of the specification.
        (
            "https://github.com/serverlessworkflow/catalog/tree/main/functions/log/1.0.0/function.yaml",
            f"{RAW}/serverlessworkflow/catalog/refs/heads/main/functions/log/1.0.0/function.yaml",
        ),
        ("https://github.com/o/r/blob/main/a b/f.yaml", f"{RAW}/o/r/refs/heads/main/a b/f.yaml"),
        ("https://GitHub.com/o/r/blob/main/f.yaml", f"{RAW}/o/r/refs/heads/main/f.yaml"),
        ("http://github.com/o/r/blob/main/f.yaml", f"{RAW}/o/r/refs/heads/main/f.yaml"),
        ("https://github.com/o/r/tree/v1.2.0/f.yaml", f"{RAW}/o/r/v1.2.0/f.yaml"),
        (f"https://github.com/o/r/tree/{COMMIT}/f.yaml", f"{RAW}/o/r/{COMMIT}/f.yaml"),
        ("https://github.com/o/r/tree/refs/tags/one/f.yaml", f"{RAW}/o/r/refs/tags/one/f.yaml"),
        # The root of a repository is that of its default branch.
        ("https://github.com/o/r/functions/log/1.0.0/log.py", f"{RAW}/o/r/HEAD/functions/log/1.0.0/log.py"),
        (
            "https://gitlab.com/g/sub/p/-/tree/main/functions/log/1.0.0/function.yaml",
            "https://gitlab.com/g/sub/p/-/raw/main/functions/log/1.0.0/function.yaml",
        ),
        ("https://git.a.test:8443/g/p/-/blob/v1/f.yaml", "https://git.a.test:8443/g/p/-/raw/v1/f.yaml"),
        (
            "https://gitlab.com/g/p/functions/log/1.0.0/function.yaml",
            "https://gitlab.com/g/p/-/raw/HEAD/functions/log/1.0.0/function.yaml",
        ),
    ],
)
def test_a_page_has_a_raw_document(page: str, raw: str) -> None:
    assert raw_address(page) == raw


@pytest.mark.parametrize(
    "uri",
    [
        "https://example.com/o/r/tree/main/f.yaml",
        "https://github.com/o/r/releases/download/v1/api.json",
        "https://github.com/o/r/raw/main/f.yaml",
        "https://github.com/o/functions/log",
        "https://github.com.example.com/o/r/blob/main/f.yaml",
        f"{RAW}/o/r/main/f.yaml",
        "https://gitlab.com/g/p/-/raw/main/functions/log/1.0.0/function.yaml",
        "https://gitlab.com/g/p/-/raw/main/f.yaml",
        "file:github.com/o/r/tree/main/f.yaml",
        "file:///g/p/-/tree/main/f.yaml",
    ],
)
def test_all_else_is_where_it_is(uri: str) -> None:
    assert raw_address(uri) == uri
