"""`call: asyncapi`: a channel of a pinned document, as what is asked of the Action service."""
