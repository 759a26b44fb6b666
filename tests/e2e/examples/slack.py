"""What stands in the place of `npx` in the language's example: an MCP server with the tool that it calls."""

import stat
import sys
from pathlib import Path

_PROGRAM = """\
#!{python}
import os, sys
from mcp.server import MCPServer

server = MCPServer("slack")

@server.tool()
def conversations_add_message(
    channel_id: str, thread_ts: str, payload: str, content_type: str
) -> dict[str, str]:
    return {{"said": payload, "as": os.environ["SLACK_MCP_XOXP_TOKEN"], "to": channel_id, "by": sys.argv[1]}}

server.run("stdio")
"""


def slack_in_the_place_of_npx(parent: Path) -> Path:
    """A new folder with the program, for the path of programs."""
    folder = parent / "bin"
    folder.mkdir()
    npx = folder / "npx"
    npx.write_text(_PROGRAM.format(python=sys.executable))
    npx.chmod(npx.stat().st_mode | stat.S_IXUSR)
    return folder
