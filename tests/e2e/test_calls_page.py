"""The examples of the page on calls that are about who is calling: what they say is sent."""

import base64
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.contract.token_provider import TokenProvider, running_token_provider
from tests.e2e.running import RunningStack
from tests.e2e.web import Answer, Request, serving

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(120)]

PAGE: Final = (Path(__file__).parents[2] / "docs" / "calls.md").read_text()
EMAIL: Final = "ada@example.com"


def example(section: str) -> str:
    """The first workflow of a section."""
    text = PAGE.partition(f"\n## {section}\n")[2]
    found = re.search(r"^```yaml\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    assert found
    return found[1]


def secrets(section: str) -> dict[str, str]:
    """The variables with secrets that the section's command sets."""
    text = PAGE.partition(f"\n## {section}\n")[2].partition("\n## ")[0]
    return dict(re.findall(r"'(TIDEMILL_SECRET\.[^=']+)=([^']+)'", text))


@pytest.fixture(scope="module")
def asked() -> list[Request]:
    """What the APIs were asked."""
    return []


@pytest.fixture(scope="module")
def provider() -> Iterator[TokenProvider]:
    running = running_token_provider(realm="shop", public_url="https://id.example.com")
    with pytest.MonkeyPatch.context() as patch, running as provider:
        patch.setenv("AUTHLIB_INSECURE_TRANSPORT", "1")
        [given] = secrets("Authentication").values()
        provider.client("workflows", "client_secret_post", json.loads(given)["client"])
        yield provider


@pytest.fixture(scope="module")
def stack(
    tmp_path_factory: pytest.TempPathFactory, asked: list[Request], provider: TokenProvider
) -> Iterator[RunningStack]:
    def answer(request: Request) -> Answer:
        asked.append(request)
        return Answer(200, {"path": request.path, "email": EMAIL})

    with serving(answer) as url:
        hosts = {"id": provider.url, "stock": url, "crm": url, "mail": url}
        settings = {
            **secrets("Authentication"),
            **secrets("Secrets"),
            "TIDEMILL_ACTIONS_HTTP_HOSTS": ",".join(f"{name}.example.com={at}" for name, at in hosts.items()),
        }
        with RunningStack(tmp_path_factory.mktemp("stack"), **settings) as running:
            yield running


def test_a_token_is_fetched_and_sent_along(
    stack: RunningStack, asked: list[Request], provider: TokenProvider
) -> None:
    asked.clear()
    report = stack.run(example("Authentication"), {"id": 7})
    assert (report.phase, report.output) == ("completed", {"path": "/items/7", "email": EMAIL}), report.error
    assert [one.headers["authorization"] for one in asked] == [f"Bearer {provider.given[-1]}"]
    assert provider.asked[-1].members["scope"] == "stock.read"


def test_secrets_go_where_the_workflow_puts_them(stack: RunningStack, asked: list[Request]) -> None:
    asked.clear()
    report = stack.run(example("Secrets"), {"id": "c1"})
    assert report.phase == "completed", report.error
    crm, mail = asked
    assert (crm.method, crm.path) == ("GET", "/contacts/c1")
    assert (crm.headers["authorization"], crm.headers["x-account"]) == ("Bearer t0ken", "account a7")
    assert (mail.method, mail.path) == ("POST", "/messages")
    assert mail.body == {"to": EMAIL}
    assert mail.headers["authorization"] == "Basic " + base64.b64encode(b"shop:pa55").decode()
