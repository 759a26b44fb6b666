"""The action `a2a`: calls of agents by JSON-RPC over HTTP, as version 0.3 of the A2A protocol has it."""
