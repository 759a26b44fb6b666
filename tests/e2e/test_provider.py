"""The provider as a server."""

import urllib.request

from tidemill.testing.effects import Temper
from tidemill.testing.provider import Provider


def test_a_provider_takes_requests_while_it_is_open_and_keeps_its_counts_after() -> None:
    with Provider(Temper(refusing_rate=0, slow_rate=0, silent_rate=0)) as provider:
        request = urllib.request.Request(
            f"{provider.url}/messages",
            data=b'{"eventId": "e1", "task": "t"}',
            headers={"Idempotency-Key": "k1", "Content-Type": "application/json"},
        )
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(request, timeout=10) as answer:
            assert answer.status == 200
        assert provider.hosts("a.example.com", "b.example.com") == (
            f"a.example.com={provider.url},b.example.com={provider.url}"
        )
    assert provider.effects().made == 1


def test_a_provider_closes_at_once_though_it_still_owes_answers() -> None:
    with Provider(Temper(refusing_rate=0, slow_rate=0, silent_rate=1, silent_seconds=3600)) as provider:
        request = urllib.request.Request(
            f"{provider.url}/messages", data=b'{"eventId": "e1", "task": "t"}', method="POST"
        )
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            opener.open(request, timeout=0.2)
        except TimeoutError:
            pass
        else:
            raise AssertionError("it answered")
    assert provider.effects().made == 1
