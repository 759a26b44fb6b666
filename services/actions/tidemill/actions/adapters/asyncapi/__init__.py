"""What AsyncAPI calls need beside HTTP: Kafka topics, to publish to and to subscribe to, and WebSockets."""
