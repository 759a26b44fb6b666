"""The action `mcp`: calls of MCP servers, over HTTP and as programs."""
