"""Secrets: found by namespace, put where they belong, and masked in all that comes back."""

from collections.abc import Mapping
from pathlib import Path

import httpx
import pytest

from tests.unit.actions.desk import Desk, Gated
from tests.unit.actions.samples import call
from tidemill.actions.core.model import ActionState, Outcome, Problem, SecretPath, SecretUse
from tidemill.actions.core.secrets import (
    SecretError,
    cut,
    forms,
    mask_outcome,
    put_in,
    without_first_part,
    without_part,
)
from tidemill.actions.secrets import Secrets
from tidemill.json import Json, dumps, loads

VARIABLES = {
    "TIDEMILL_SECRET.shop.token": "t0p-secret",
    "TIDEMILL_SECRET.shop.mailer": '{"user": "ann", "password": "pa\\"ss", "port": 25}',
    "TIDEMILL_SECRET.shop.with.dots": "dotted",
    "TIDEMILL_SECRET.rival.token": "theirs",
}


def secrets(folder: Path | str = "", variables: Mapping[str, str] = VARIABLES, limit: int = 100) -> Secrets:
    return Secrets(variables, str(folder), bytes_max=limit)


def filled(arguments: Json, *uses: SecretUse) -> tuple[Json, tuple[str, ...]]:
    data, hidden = put_in(dumps(arguments), uses, "shop", secrets().find)
    return loads(data), hidden


def test_a_variable_is_a_text_or_an_object() -> None:
    assert secrets().find("shop", "token") == "t0p-secret"
    assert secrets().find("shop", "mailer") == {"user": "ann", "password": 'pa"ss', "port": 25}
    assert secrets().find("shop", "with.dots") == "dotted"


def test_a_namespace_has_its_own_secrets_alone() -> None:
    assert secrets().find("rival", "token") == "theirs"
    for namespace, name in (("shop.with", "dots"), ("", "shop.token"), ("other", "token"), ("shop", "")):
        with pytest.raises(SecretError, match="there is no secret"):
            secrets().find(namespace, name)


def test_a_file_comes_before_a_variable_and_a_folder_is_an_object(tmp_path: Path) -> None:
    shop = tmp_path / "shop"
    (shop / "mailer").mkdir(parents=True)
    (shop / "token").write_text("from a file\n")
    (shop / "mailer" / "user").write_text("bob\n")
    (shop / "mailer" / "..data").mkdir()
    (shop / "mailer" / "key").write_text('{"kid": 1}')
    found = secrets(tmp_path)
    assert found.find("shop", "token") == "from a file"
    assert found.find("shop", "mailer") == {"user": "bob", "key": {"kid": 1}}
    assert found.find("rival", "token") == "theirs"


def test_a_file_is_read_anew(tmp_path: Path) -> None:
    (tmp_path / "shop").mkdir()
    file = tmp_path / "shop" / "fresh"
    file.write_text("old")
    found = secrets(tmp_path)
    assert found.find("shop", "fresh") == "old"
    file.write_text("new")
    assert found.find("shop", "fresh") == "new"


@pytest.mark.parametrize("name", ["../rival/token", "..", ".", "a/b", "token\0", "-a", ""])
def test_no_name_leads_out_of_the_folder(tmp_path: Path, name: str) -> None:
    (tmp_path / "rival").mkdir()
    (tmp_path / "rival" / "token").write_text("theirs")
    with pytest.raises(SecretError, match="there is no secret"):
        secrets(tmp_path, {}).find("shop", name)


def test_what_is_too_large_or_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "large").write_text("x" * 101)
    (tmp_path / "shop" / "binary").write_bytes(b"\xff\xfe")
    with pytest.raises(SecretError, match="over secret_bytes_max, 100"):
        secrets(tmp_path).find("shop", "large")
    with pytest.raises(SecretError, match="not text"):
        secrets(tmp_path).find("shop", "binary")


def test_secrets_are_put_where_their_pointers_say() -> None:
    given: Json = {"a": ["x", "(secret)"], "b": "(secret)", "c~/d": {"e": "(secret)"}, "f": 1}
    arguments, hidden = filled(
        given,
        SecretUse("/a/1", ("Bearer ", SecretPath("token"))),
        SecretUse("/b", (SecretPath("mailer"),)),
        SecretUse("/c~0~1d/e", (SecretPath("mailer", ("port",)),)),
    )
    assert arguments == {
        "a": ["x", "Bearer t0p-secret"],
        "b": {"user": "ann", "password": 'pa"ss', "port": 25},
        "c~/d": {"e": 25},
        "f": 1,
    }
    assert set(hidden) == {"t0p-secret", "ann", 'pa"ss', 'pa\\"ss', "pa%22ss", "25"}


def test_the_whole_of_the_arguments_may_be_a_secret() -> None:
    assert filled("(secret)", SecretUse("", (SecretPath("token"),)))[0] == "t0p-secret"


def test_what_is_no_text_becomes_one_among_texts() -> None:
    arguments, _ = filled({"a": ""}, SecretUse("/a", (SecretPath("mailer", ("port",)), "")))
    assert arguments == {"a": "25"}


@pytest.mark.parametrize(
    ("use", "reason"),
    [
        (SecretUse("/a", (SecretPath("nobody"),)), "there is no secret nobody for the namespace shop"),
        (SecretUse("/a", (SecretPath("mailer", ("pin",)),)), "has no `pin`"),
        (SecretUse("/a", (SecretPath("token", ("key",)),)), "has no `key`"),
        (SecretUse("/a/b", (SecretPath("token"),)), "no place"),
    ],
)
def test_a_secret_that_is_not_there_is_an_authorization_error(use: SecretUse, reason: str) -> None:
    with pytest.raises(SecretError, match=reason) as caught:
        filled({"a": ""}, use)
    assert (caught.value.problem.status, "t0p" in caught.value.problem.detail) == (403, False)


def test_an_outcome_shows_no_secret_however_it_is_written() -> None:
    hidden = filled({"a": ""}, SecretUse("/a", (SecretPath("mailer"),)))[1]
    output = dumps({'k pa"ss': ['x pa"ss x', {"text": dumps({"p": 'pa"ss'}).decode()}], "n": 25})
    shown = mask_outcome(Outcome(ActionState.SUCCEEDED, output), hidden).output
    assert shown is not None
    assert loads(shown) == {"k ***": ["x *** x", {"text": '{"p":"***"}'}], "n": 25}
    error = Problem("t", 500, 'pa"ss', 'no: pa"ss!')
    assert mask_outcome(Outcome(ActionState.FAILED, error=error), hidden).error == Problem(
        "t", 500, "***", "no: ***!"
    )


async def test_a_call_gets_its_secrets_and_its_answer_and_ledger_do_not() -> None:
    desk = Desk()
    outcome = await desk.outcome_of(
        call(
            action="tidemill.echo:1.0.0",
            arguments=b'{"a":"(secret)"}',
            secrets=(SecretUse("/a", ("x ", SecretPath("token"))),),
        )
    )
    assert outcome.output == b'{"a":"x ***"}'


async def test_a_call_whose_secret_is_not_there_is_not_made() -> None:
    send = Gated("send")
    desk = Desk(send)
    use = SecretUse("/a", (SecretPath("nobody"),))
    outcome = await desk.outcome_of(call(action="send", arguments=b'{"a":"(secret)"}', secrets=(use,)))
    assert outcome.error is not None
    assert (outcome.error.status, send.ran) == (403, [])


def test_a_text_is_cut_between_words() -> None:
    assert cut("short", 5, ()) == "short"
    assert cut("two words", 8, ()) == "two ..."
    assert cut("t0p-secret", 5, ()) == " ..."


def test_a_secret_of_several_words_is_found_before_it_is_cut() -> None:
    assert cut("it is correct horse battery", 15, ("correct horse",)) == "it is *** ..."


def test_a_secret_is_known_however_it_is_written() -> None:
    secret = 'a "b" ä&c/d'
    written = {
        *(secret, 'a \\"b\\" ä&c/d', 'a \\"b\\" \\u00e4&c/d', "a+%22b%22+%C3%A4%26c%2Fd"),
        *("a%20%22b%22%20%C3%A4%26c%2Fd", "a%20%22b%22%20%C3%A4&c/d"),
    }
    assert set(forms(secret)) == written


@pytest.mark.parametrize("secret", ["a b", 'a% "b', 'ä"<>', "a&b=c/d?e", "100%", "{x}", "~a|b", "a#b"])
def test_what_the_http_library_makes_of_a_secret_in_a_uri_is_known(secret: str) -> None:
    """Where a secret stands in a path, or is a parameter of the query."""
    path = str(httpx.URL(f"https://a.example/{secret}"))
    query = str(httpx.URL("https://a.example", params={"q": secret}))
    assert any(form in path for form in forms(secret))
    assert any(form in query for form in forms(secret))


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("so: t0p-sec", "so: "),
        ("so: t", "so: "),
        ("so: ***", "so: ***"),
        ("so: other", "so: "),
        ("so it is", "so it is"),
        ("", ""),
    ],
)
def test_what_may_be_the_beginning_of_a_secret_is_left_out_at_the_end(text: str, left: str) -> None:
    assert without_part(text, ("t0p-secret", "other one")) == left


def test_what_may_be_the_end_of_a_secret_is_left_out_at_the_beginning() -> None:
    assert without_first_part("ecret, they say", ("t0p-secret",)) == ", they say"
