"""Shapes of the arguments of calls over the protocols that the language knows."""

from collections.abc import Mapping
from typing import Final

from tidemill.dsl.shapes.shape import Choice, Shape, UndecidedError, by_member, one_of, record, scalar, text
from tidemill.json import Json

_ASYNCAPI_PARTS: Final[Mapping[str, str]] = {
    "document": "resource",
    "channel": "text",
    "operation": "text",
    "server": "asyncapi server",
    "protocol": "asyncapi protocol",
    "message": "asyncapi message",
    "subscription": "asyncapi subscription",
    "authentication": "authentication",
}


def _choose_asyncapi(value: Json) -> str:
    if isinstance(value, dict):
        for pair in (("operation", "channel"), ("message", "subscription")):
            if (pair[0] in value) == (pair[1] in value):
                raise UndecidedError(f"needs exactly one of `{pair[0]}` and `{pair[1]}`")
    return "asyncapi call arguments"


SHAPES: Final[Mapping[str, Shape]] = {
    "http arguments": record(
        "the `with` of an HTTP call",
        {
            "method": "http method",
            "endpoint": "endpoint",
            "headers": "template text map or expression",
            "body": "template",
            "query": "template text map or expression",
            "output": "http output",
            "redirect": "flag",
        },
        required=("method", "endpoint"),
    ),
    "http method": text("the name of an HTTP method"),
    "http output": one_of("a form of output", "raw", "content", "response"),
    "openapi arguments": record(
        "the `with` of an OpenAPI call",
        {
            "document": "resource",
            "operationId": "text",
            "parameters": "template object",
            "authentication": "authentication",
            "output": "http output",
            "redirect": "flag",
        },
        required=("document", "operationId"),
    ),
    "grpc arguments": record(
        "the `with` of a gRPC call",
        {"proto": "resource", "service": "grpc service", "method": "text", "arguments": "template object"},
        required=("proto", "service", "method"),
    ),
    "grpc service": record(
        "`service`",
        {"name": "text", "host": "host", "port": "port", "authentication": "authentication"},
        required=("name", "host"),
    ),
    "asyncapi arguments": Choice("asyncapi arguments", _choose_asyncapi),
    "asyncapi call arguments": record(
        "the `with` of an AsyncAPI call", _ASYNCAPI_PARTS, required=("document",)
    ),
    "asyncapi server": record(
        "`server`", {"name": "text", "variables": "template object"}, required=("name",)
    ),
    "asyncapi protocol": one_of(
        "a protocol",
        *("amqp", "amqp1", "anypointmq", "googlepubsub", "http", "ibmmq", "jms", "kafka", "mercure", "mqtt"),
        *("mqtt5", "nats", "pulsar", "redis", "sns", "solace", "sqs", "stomp", "ws"),
    ),
    "asyncapi message": record("`message`", {"payload": "template object", "headers": "template object"}),
    "asyncapi subscription": record(
        "`subscription`",
        {"filter": "expression", "consume": "asyncapi consumption", "foreach": "iterator"},
        required=("consume",),
    ),
    "asyncapi consumption": by_member(
        "asyncapi consumption", "an object", dict.fromkeys(("amount", "while", "until"), "asyncapi policy")
    ),
    "message amount": scalar("a whole number, at least 1", type="integer", minimum=1),
    "asyncapi policy": record(
        "`consume`",
        {"for": "duration", "amount": "message amount", "while": "expression", "until": "expression"},
    ),
    "a2a arguments": record(
        "the `with` of an A2A call",
        {
            "agentCard": "resource",
            "server": "endpoint",
            "method": "a2a method",
            "parameters": "filled template object or text",
        },
        required=("method",),
    ),
    "a2a method": one_of(
        "an A2A method",
        *("message/send", "message/stream", "tasks/get", "tasks/list", "tasks/cancel", "tasks/resubscribe"),
        *(f"tasks/pushNotificationConfig/{verb}" for verb in ("set", "get", "list", "delete")),
        "agent/getAuthenticatedExtendedCard",
    ),
    "mcp arguments": record(
        "the `with` of an MCP call",
        {
            "protocolVersion": "text",
            "method": "mcp method",
            "parameters": "template object or text",
            "timeout": "duration",
            "transport": "mcp transport",
            "client": "mcp client",
        },
        required=("method", "transport"),
        lenient=True,
    ),
    "mcp method": one_of(
        "an MCP method",
        *("tools/list", "tools/call", "prompts/list", "prompts/get"),
        *("resources/list", "resources/read", "resources/templates/list"),
    ),
    "mcp transport": by_member(
        "mcp transport", "an object", dict.fromkeys(("http", "stdio"), "mcp one transport")
    ),
    "mcp one transport": record(
        "`transport`",
        {"http": "mcp http", "stdio": "mcp stdio", "options": "template text map"},
        lenient=True,
    ),
    "mcp http": record(
        "`http`",
        {"endpoint": "endpoint", "headers": "template text map"},
        required=("endpoint",),
        lenient=True,
    ),
    "mcp stdio": record(
        "`stdio`",
        {"command": "template text", "arguments": "template texts", "environment": "template text map"},
        required=("command",),
        lenient=True,
    ),
    "mcp client": record(
        "`client`", {"name": "text", "version": "text"}, required=("name", "version"), lenient=True
    ),
}
