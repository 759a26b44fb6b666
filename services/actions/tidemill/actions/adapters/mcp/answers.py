"""What an MCP call answers with: the result as the server gave it, or the error of a tool."""

from collections.abc import Iterable, Mapping
from typing import Final, cast

from tidemill.actions.adapters.mcp.arguments import McpCall
from tidemill.actions.core.model import ActionState, Outcome
from tidemill.actions.core.problems import communication_problem, failed, runtime_problem
from tidemill.actions.core.secrets import cut
from tidemill.json import Json, JsonError, dumps, loads

_BAD_ANSWER: Final = 502


def outcome_of(
    result: Mapping[str, object], wanted: McpCall, hidden: Iterable[str], *, excerpt_bytes_max: int
) -> Outcome:
    """The outcome of a request that has a result."""
    try:
        data = dumps(cast("Json", dict(result)))
        # Once more, for what payloads may not hold.
        loads(data, field="the result")
    except JsonError as error:
        return failed(communication_problem(_BAD_ANSWER, f"{wanted.method}: {error.message}"))
    if result.get("isError") is True:
        text = cut(_text_of(result.get("content")), excerpt_bytes_max, hidden)
        tool = f"the tool {wanted.parameters.get('name')!s:.200} failed"
        return failed(runtime_problem(f"{tool}: {text}" if text else tool))
    if result.get("resultType") == "input_required":
        return failed(runtime_problem(f"{wanted.method} asks for more input, which a workflow cannot give"))
    return Outcome(ActionState.SUCCEEDED, data)


def _text_of(content: object) -> str:
    items = content if isinstance(content, list) else []
    texts = [str(item.get("text")) for item in items if isinstance(item, dict) and item.get("type") == "text"]
    return " ".join(" ".join(texts).split())
