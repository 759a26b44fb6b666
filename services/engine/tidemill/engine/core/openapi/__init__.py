"""`call: openapi`: an operation of a pinned document, turned into the request of an HTTP call."""
