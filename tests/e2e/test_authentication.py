"""Calls that prove who is calling, through the whole stack: refusals, and who sees tokens."""

from collections.abc import Iterator

import pytest

from tests.contract.oauth_server import PASSWORD, USER
from tests.contract.token_provider import TokenProvider, running_token_provider
from tests.e2e.documents import named
from tests.e2e.running import RunningStack

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180)]

CLIENT, SECRET = "workflow-runtime-id", "workflow-runtime-secret"
AUTHORITY = "http://keycloak/realms/fake-authority"


@pytest.fixture(scope="module")
def provider() -> Iterator[TokenProvider]:
    """Both the authority and the pet store of the examples."""
    running = running_token_provider(realm="fake-authority", public_url="http://keycloak")
    with pytest.MonkeyPatch.context() as patch, running as provider:
        # The examples have an authority without TLS.
        patch.setenv("AUTHLIB_INSECURE_TRANSPORT", "1")
        provider.client(CLIENT, "client_secret_post", SECRET)
        yield provider


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory, provider: TokenProvider) -> Iterator[RunningStack]:
    hosts = ("keycloak", "api.example.com")
    with RunningStack(
        tmp_path_factory.mktemp("stack"),
        TIDEMILL_ACTIONS_HTTP_HOSTS=",".join(f"{host}={provider.url}" for host in hosts),
    ) as running:
        yield running


@pytest.fixture(autouse=True)
def nothing_asked(provider: TokenProvider) -> None:
    provider.asked.clear()


def test_a_token_and_its_errors_are_seen_nowhere(stack: RunningStack, provider: TokenProvider) -> None:
    body = f"""
        do:
        - read:
            call: http
            with:
              method: get
              endpoint:
                uri: https://api.example.com/api/refuses
                authentication:
                  oauth2: {{authority: '{AUTHORITY}', grant: client_credentials, client: {{id: {CLIENT},
                    secret: {SECRET}}}, scopes: [seen.nowhere]}}
    """
    report = stack.run(named("seen-nowhere", body))
    assert (report.phase, report.error["status"]) == ("faulted", 403)
    token = provider.given[-1]
    data = stack.stack.layout.data
    written = {str(path): path.read_bytes() for path in data.rglob("*") if path.is_file()}
    assert any(path.endswith("ledger.db") for path in written)
    assert [path for path, content in written.items() if token.encode() in content] == []
    assert token not in str(report)
    assert "not with Bearer ***" in report.error["detail"]


def test_a_refusal_of_the_provider_can_be_caught(stack: RunningStack) -> None:
    body = f"""
        do:
        - guard:
            try:
            - read:
                call: http
                with:
                  method: get
                  endpoint:
                    uri: https://api.example.com/api
                    authentication:
                      oidc: {{authority: 'http://keycloak/realms/{{realm}}', grant: client_credentials,
                        client: {{id: {CLIENT}, secret: wrong}}}}
            catch:
              errors: {{with: {{status: 401}}}}
              do:
              - note: {{set: {{type: '${{ $error.type | split("/") | last }}'}}}}
    """
    report = stack.run(named("refused", body), {"realm": "fake-authority"})
    assert report.output == {"type": "authentication"}, report.error


def test_digest_through_the_whole_stack(stack: RunningStack) -> None:
    body = f"""
        do:
        - post:
            call: http
            with:
              method: post
              endpoint:
                uri: https://api.example.com/digest
                authentication: {{digest: {{username: {USER}, password: '${{ .password }}'}}}}
              body: an order
    """
    report = stack.run(named("digest", body), {"password": PASSWORD})
    assert report.output == {"user": USER, "body": "an order"}, report.error
