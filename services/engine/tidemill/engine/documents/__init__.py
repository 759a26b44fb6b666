"""Documents from outside that definitions name: how they are fetched, and pinned by their digests."""
