"""The Engine's gRPC services: each method translates, the rest of the package does."""
