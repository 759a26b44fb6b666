"""Workflow documents of tests."""

import re
import textwrap

NAMESPACE = "tests"


def named(name: str, body: str) -> str:
    """The document with this name and, indented as it likes, this body."""
    head = f"document: {{dsl: '1.0.3', namespace: {NAMESPACE}, name: {name}, version: '1.0.0'}}\n"
    return head + textwrap.dedent(body)


def in_namespace(namespace: str, document: str) -> str:
    """The document in another namespace, with all that it runs of its own."""
    changed, count = re.subn(r"\bnamespace: [\w-]+", f"namespace: {namespace}", document)
    assert count
    return changed
