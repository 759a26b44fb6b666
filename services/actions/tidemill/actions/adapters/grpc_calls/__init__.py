"""The action `grpc`: calls of gRPC services that a .proto file or the server's reflection describes."""
