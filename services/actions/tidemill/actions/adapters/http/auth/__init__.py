"""How calls over HTTP prove who is calling: the DSL's `authentication` as an `httpx.Auth`."""
