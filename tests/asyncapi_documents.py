"""AsyncAPI documents for tests: what the language's examples name, in both versions of AsyncAPI."""

from typing import Any, Final

NOTIFICATIONS: Final = "notifications"
_NOTE: Final[dict[str, Any]] = {
    "contentType": "application/json",
    "correlationId": {"location": "$message.header#/correlationId"},
    "headers": {"type": "object"},
    "payload": {"type": "object", "properties": {"from": {"$ref": "#/components/schemas/person"}}},
}
_PERSON: Final[dict[str, Any]] = {"type": "object", "properties": {"firstName": {"type": "string"}}}
_PET: Final[dict[str, Any]] = {
    "payload": {"type": "object", "required": ["petId"], "properties": {"petId": {"type": "integer"}}},
}


def document_v3(kafka: str = "kafka.example:9092", web: str = "fake.com", socket: str = "") -> dict[str, Any]:
    """A document of 3.0 with the operations of the examples, for servers that are here."""
    return {
        "asyncapi": "3.0.0",
        "info": {"title": "Pets and notes", "version": "1"},
        "servers": {
            "staging": {"host": web, "protocol": "http", "pathname": "/v1"},
            "broker": {"host": kafka, "protocol": "kafka"},
            "live": {"host": socket or web, "protocol": "ws"},
        },
        "channels": {
            "pets": {
                "address": "pets/find",
                "messages": {"find": _PET},
                "servers": [{"$ref": "#/servers/staging"}],
            },
            "/notifications": {
                "address": NOTIFICATIONS,
                "messages": {"note": {"$ref": "#/components/messages/note"}},
                "servers": [{"$ref": "#/servers/broker"}, {"$ref": "#/servers/live"}],
            },
        },
        "operations": {
            "findPetsByStatus": {"action": "send", "channel": {"$ref": "#/channels/pets"}},
            "getNotifications": {"action": "receive", "channel": {"$ref": "#/channels/~1notifications"}},
        },
        "components": {"messages": {"note": _NOTE}, "schemas": {"person": _PERSON}},
    }


def document_v2(kafka: str = "kafka.example:9092", web: str = "fake.com") -> dict[str, Any]:
    """The same of 2.6."""
    return {
        "asyncapi": "2.6.0",
        "info": {"title": "Pets and notes", "version": "1"},
        "servers": {
            "staging": {"url": f"http://{web}/v1", "protocol": "http"},
            "broker": {"url": kafka, "protocol": "kafka"},
        },
        "channels": {
            "pets/find": {
                "servers": ["staging"],
                "publish": {"operationId": "findPetsByStatus", "message": _PET},
            },
            "/notifications": {
                "servers": ["broker"],
                "bindings": {"kafka": {"topic": NOTIFICATIONS}},
                "subscribe": {
                    "operationId": "getNotifications",
                    "message": {"oneOf": [{"$ref": "#/components/messages/note"}]},
                },
            },
        },
        "components": {"messages": {"note": _NOTE}, "schemas": {"person": _PERSON}},
    }
