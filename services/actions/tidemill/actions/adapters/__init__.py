"""What calls are made with: HTTP, registered functions, events, and the built-in try-outs."""
