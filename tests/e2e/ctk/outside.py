"""The two web services that the conformance kit calls, as far as it calls them."""

import base64
import re

from tests.e2e.web import Answer, Request
from tidemill.json import Json

PETSTORE = "petstore.swagger.io"
HTTPBIN = "httpbin.org"
PET_NAMES = {1: "Rex", 2: "Tom", 3: "Jerry"}
# What the store says of itself, as far as it is called.
SWAGGER: dict[str, Json] = {
    "swagger": "2.0",
    "host": PETSTORE,
    "basePath": "/v2",
    "schemes": ["https", "http"],
    "paths": {
        "/pet/findByStatus": {
            "get": {
                "operationId": "findPetsByStatus",
                "produces": ["application/json", "application/xml"],
                "parameters": [
                    {
                        "name": "status",
                        "in": "query",
                        "required": True,
                        "type": "array",
                        "collectionFormat": "multi",
                    }
                ],
            }
        },
        "/pet/{petId}": {
            "get": {
                "operationId": "getPetById",
                "parameters": [{"name": "petId", "in": "path", "required": True, "type": "integer"}],
            }
        },
    },
}


def outside(request: Request) -> Answer:
    """Answer as the host that was meant."""
    host = request.headers.get("host")
    if host == PETSTORE:
        return _petstore(request)
    if host == HTTPBIN:
        return _httpbin(request)
    return Answer(421, {"message": f"nobody serves {host}"})


def _petstore(request: Request) -> Answer:
    if request.path == "/v2/swagger.json":
        return Answer(200, SWAGGER)
    if request.path == "/v2/pet/findByStatus" and request.query == {"status": "available"}:
        return Answer(200, [_pet(number) for number in PET_NAMES])
    found = re.fullmatch(r"/v2/pet/(\d+)", request.path)
    if found and int(found[1]) in PET_NAMES:
        return Answer(200, _pet(int(found[1])))
    return Answer(404, {"code": 404, "type": "unknown", "message": "not found"})


def _pet(number: int) -> dict[str, Json]:
    return {"id": number, "name": PET_NAMES[number], "status": "available"}


def _httpbin(request: Request) -> Answer:
    found = re.fullmatch(r"/basic-auth/([^/]+)/([^/]+)", request.path)
    if found is None:
        return Answer(404, {})
    wanted = base64.b64encode(f"{found[1]}:{found[2]}".encode()).decode()
    if request.headers.get("authorization") != f"Basic {wanted}":
        return Answer(401, {}, {"www-authenticate": 'Basic realm="Fake Realm"'})
    return Answer(200, {"authenticated": True, "user": found[1]})
