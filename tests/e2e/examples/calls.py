"""The examples of calls: what stubs are asked, and what comes of their answers."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from tests.e2e.examples.case import Asked, Case, Seen
from tests.e2e.examples.outside import AVAILABLE, LUKE, TATOOINE, TOKEN, pet
from tidemill.json import Json

PETS: Final = "petstore.swagger.io/v2/pet"
PEOPLE: Final = "swapi.dev/api/people"
_FOUND: Final[Json] = {"results": [LUKE]}


def _pet(number: int, *, token: str = "") -> Case:
    headers = {"authorization": f"Bearer {token}"} if token else {}
    asked = Asked(method="GET", url=f"{PETS}/{number}", headers=headers)
    return Case(given={"petId": number, "token": token}, output=pet(number), asked=(asked,))


def _token_is_asked_for_and_sent(seen: Seen) -> None:
    # That the store knows the token is what it has answered for.
    [asked] = seen.asked
    assert asked.headers["authorization"].startswith("Bearer ")


_WITH_TOKEN: Final = replace(_pet(901), check=_token_is_asked_for_and_sent)


def _search(word: str, *urls: str, **headers: str) -> Case:
    asked = tuple(Asked(method="GET", url=f"{PEOPLE}/{url}", headers=headers) for url in urls)
    return Case(given={"searchQuery": word}, output=_FOUND, asked=asked)


def _said_in_slack(seen: Seen) -> None:
    assert seen.report.output["structuredContent"] == {
        "said": "Hello, world! :wave:",
        "as": "xoxp-xv6Cv3jKqNW8esm5YnsftKwIzoQHUzAP",
        "to": "C1234567890",
        "by": "slack-mcp-serverr@latest",
    }


def _greeted(seen: Seen) -> None:
    assert seen.report.output["message"] == "Hello, Ada!"
    assert seen.report.output["key"] == f"{seen.report.execution_id}:/do/0/greet#1"


_BY_STATUS: Final = Case(
    output=AVAILABLE, asked=(Asked(method="GET", url=f"{PETS}/findByStatus?status=available"),)
)
_MOVED: Final = Case(
    name="moved", changed=("status: available", "status: moved", "the store redirects who asks for that")
)
_ASKED_AGAIN: Final = (
    Asked(method="GET", url=f"{PETS}/findByStatus?status=moved"),
    Asked(method="GET", url=f"{PETS}/findByStatus?status=available"),
)
RUNS: Final[Mapping[str, tuple[Case, ...]]] = {
    "authentication-bearer": (
        Case(
            given={"token": TOKEN},
            output=pet(1),
            asked=(Asked(method="GET", url=f"{PETS}/1", headers={"authorization": f"Bearer {TOKEN}"}),),
        ),
    ),
    "authentication-bearer-uri-format": (_pet(901, token=TOKEN),),
    "authentication-oauth2": (_WITH_TOKEN,),
    "authentication-oauth2-secret": (_WITH_TOKEN,),
    "authentication-oidc": (_WITH_TOKEN,),
    "authentication-oidc-secret": (_WITH_TOKEN,),
    "authentication-reusable": (_pet(901, token=TOKEN),),
    "call-custom-function-inline": (replace(_pet(69), given=None, tasks=("getPet", "getPetById")),),
    "call-grpc": (Case(given={"user": {"preferredDisplayName": "Ada"}}, check=_greeted),),
    "call-http-endpoint-interpolation": (
        Case(
            given={"petId": 7},
            output=pet(7),
            asked=(Asked(method="GET", url=f"{PETS}/7", headers={"content-type": "application/json"}),),
        ),
    ),
    "call-http-endpoint-interpolation-shorthand": (_pet(7),),
    "call-http-query-headers-expressions": (_search("luke", "?search=luke", accept="application/json"),),
    "call-http-query-parameters": (
        _search("luke", "?search=luke"),
        Case(name="without", given={}, error={"status": 400, "title": "Validation Error"}),
    ),
    "call-http-redirect": (_search("moved", "?search=moved", "?search=luke"),),
    "call-mcp": (Case(check=_said_in_slack),),
    "call-openapi": (_BY_STATUS, replace(_MOVED, error={"status": 302})),
    "call-openapi-redirect": (_BY_STATUS, replace(_MOVED, output=AVAILABLE, asked=_ASKED_AGAIN)),
    "do-single": (_pet(7),),
    "do-multiple": (
        Case(
            given={"petId": 7},
            output={"stored": {**pet(7), "status": "sold"}},
            asked=(
                Asked(method="GET", url=f"{PETS}/7"),
                # What the store has answered has no `petId`: a variable without a value is empty.
                Asked(method="PUT", url=f"{PETS}/", body={**pet(7), "status": "sold"}),
            ),
            tasks=("getPet", "buyPet"),
        ),
    ),
    "star-wars-homeworld": (
        Case(
            given={"id": 4},
            output=TATOOINE,
            asked=(
                Asked(method="GET", url=f"{PEOPLE}/4"),
                Asked(method="GET", url="swapi.dev/api/planets/1/"),
            ),
        ),
    ),
    "mock-service-extension": (
        Case(output={"done": "/sample"}, asked=(Asked(method="GET", url="fake.com/sample"),)),
        Case(
            name="mocked",
            changed=(
                "https://fake.com/sample",
                "https://mocked.service.com/sample",
                "it calls a service that it does not mock",
            ),
            output={
                "statusCode": 200,
                "headers": {"Content-Type": "application/json"},
                "content": {"foo": {"bar": "baz"}},
            },
            tasks=("callHttp", "mockResponse"),
        ),
    ),
}
