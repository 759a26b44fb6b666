"""An agent of the official SDK, which serves version 0.3 of the protocol beside its own, over HTTP."""

from collections.abc import Iterator
from contextlib import contextmanager

from a2a.helpers import new_task_from_user_message
from a2a.server.agent_execution import AgentExecutor, RequestContext
from a2a.server.events import EventQueue
from a2a.server.request_handlers import DefaultRequestHandler
from a2a.server.routes import create_agent_card_routes, create_jsonrpc_routes
from a2a.server.tasks import InMemoryPushNotificationConfigStore, InMemoryTaskStore, TaskUpdater
from a2a.types import AgentCapabilities, AgentCard, AgentInterface, AgentSkill
from starlette.applications import Starlette

from tests.contract.mcp_server import WebServer, serving

CARD_PATH = "/.well-known/agent-card.json"
RPC_PATH = "/rpc"


class Echo(AgentExecutor):
    """Works on a task whose artifact is what was said; one that is told to `wait` is left undone."""

    async def execute(self, context: RequestContext, event_queue: EventQueue) -> None:
        assert context.message is not None
        updater = TaskUpdater(event_queue, context.task_id or "", context.context_id or "")
        await event_queue.enqueue_event(new_task_from_user_message(context.message))
        await updater.start_work()
        if context.get_user_input() == "wait":
            await updater.requires_input()
            return
        await updater.add_artifact([*context.message.parts], artifact_id="said")
        await updater.complete()

    async def cancel(self, context: RequestContext, event_queue: EventQueue) -> None:
        await TaskUpdater(event_queue, context.task_id or "", context.context_id or "").cancel()


def card(url: str, name: str) -> AgentCard:
    """What the agent says of itself."""
    return AgentCard(
        name=name,
        description="Says it again.",
        version="1.0",
        capabilities=AgentCapabilities(streaming=True, push_notifications=True, extended_agent_card=True),
        default_input_modes=["text/plain"],
        default_output_modes=["text/plain"],
        skills=[AgentSkill(id="echo", name="Echo", description="Says it again.", tags=["echo"])],
        supported_interfaces=[
            AgentInterface(protocol_binding="JSONRPC", protocol_version="0.3", url=url + RPC_PATH)
        ],
    )


@contextmanager
def running_sdk_agent() -> Iterator[tuple[str, WebServer]]:
    """The agent for as long as the block runs: where it is, and the requests that it got."""
    application = Starlette()
    with serving(application) as web:
        url = web.url.removesuffix("/mcp")
        handler = DefaultRequestHandler(
            Echo(),
            InMemoryTaskStore(),
            card(url, "Echo"),
            push_config_store=InMemoryPushNotificationConfigStore(),
            extended_agent_card=card(url, "Echo for friends"),
        )
        application.routes.extend(create_jsonrpc_routes(handler, RPC_PATH, enable_v0_3_compat=True))
        application.routes.extend(create_agent_card_routes(card(url, "Echo")))
        yield url, web
