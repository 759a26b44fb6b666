"""A service that makes an OpenAPI document of itself, by a framework that knows nothing of Tidemill."""

import asyncio
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Annotated, Any

import uvicorn
from fastapi import Cookie, Depends, FastAPI, Form, Header, Query, Response
from fastapi.responses import JSONResponse, RedirectResponse
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import BaseModel

TOKEN = "t0k"


class Pet(BaseModel):
    """A pet, as a body."""

    name: str
    tags: list[str] = []


@dataclass
class PetService:
    """The service and what it was asked for; `is_gone` has its documents answer 404."""

    base: str
    is_gone: bool = False
    documents_asked: list[str] = field(default_factory=list)
    secrets_seen: list[str] = field(default_factory=list)

    @property
    def document(self) -> str:
        """Where its document is."""
        return f"{self.base}/openapi.json"


def make_application(service: PetService) -> FastAPI:
    """The service, with documents that are no such thing beside its own."""
    application = FastAPI(title="pets", openapi_url=None)
    # Only the operations above are part of what the document says.
    _add_operations(application, service)
    described = application.openapi()

    def documents(name: str) -> Any:  # noqa: ANN401 - any response
        service.documents_asked.append(name)
        if service.is_gone:
            return JSONResponse({"detail": "gone"}, status_code=404)
        if name == "slow":
            time.sleep(1.5)
        if name == "moved":
            return RedirectResponse("/documents/own")
        contents = {
            "malformed": '{"openapi": "3.1.0", ',
            "huge": " " * 300_000 + "{}",
            "page": "<html><body>Sign in</body></html>",
            "circle": '{"openapi":"3.1.0","paths":{"/a":{"$ref":"#/paths/~1a"}}}',
        }
        return Response(contents[name]) if name in contents else described

    application.get("/documents/{name}", include_in_schema=False)(documents)
    application.get("/openapi.json", include_in_schema=False)(lambda: documents("own"))
    return application


def _add_operations(application: FastAPI, service: PetService) -> None:
    @application.get("/pets/{pet_id}", operation_id="getPet")
    async def get_pet(  # one of each kind of parameter
        pet_id: int,
        tags: Annotated[list[str] | None, Query()] = None,
        limit: int | None = None,
        x_trace: Annotated[str | None, Header()] = None,
        session: Annotated[str | None, Cookie()] = None,
        idempotency_key: Annotated[str | None, Header()] = None,
    ) -> dict[str, Any]:
        service.secrets_seen += tags or []
        given = {"id": pet_id, "tags": tags, "limit": limit, "trace": x_trace, "session": session}
        return {**given, "has_key": bool(idempotency_key)}

    @application.post("/pets", operation_id="addPet", status_code=201)
    async def add_pet(pet: Pet) -> Pet:
        service.secrets_seen.append(pet.name)
        return pet

    @application.post("/votes", operation_id="vote")
    async def vote(name: Annotated[str, Form()], stars: Annotated[list[int], Form()]) -> dict[str, Any]:
        return {"name": name, "stars": stars}

    @application.get("/mine", operation_id="mine")
    async def mine(
        credentials: Annotated[HTTPAuthorizationCredentials, Depends(HTTPBearer())],
    ) -> JSONResponse:
        is_known = credentials.credentials == TOKEN
        return JSONResponse({"known": is_known}, status_code=200 if is_known else 403)

    @application.get("/old", operation_id="old")
    async def old() -> RedirectResponse:
        return RedirectResponse("/pets/7")

    @application.get("/many", operation_id="many")
    async def many() -> list[str]:
        return ["x" * 1_000] * 2_000


@contextmanager
def pet_service() -> Iterator[PetService]:
    """The service on a free port for as long as the block runs."""
    listening = socket.create_server(("127.0.0.1", 0))
    service = PetService(f"http://127.0.0.1:{listening.getsockname()[1]}")
    config = uvicorn.Config(
        make_application(service), http="h11", ws="none", log_config=None, timeout_graceful_shutdown=1
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=lambda: asyncio.run(server.serve([listening])), daemon=True)
    thread.start()
    try:
        while not server.started:
            time.sleep(0.01)
        yield service
    finally:
        server.should_exit = True
        thread.join()
        listening.close()
