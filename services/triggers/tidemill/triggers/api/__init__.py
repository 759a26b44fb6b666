"""The gRPC side: messages in, calls into the service, messages out."""
