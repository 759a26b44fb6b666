"""The command log in a Kafka topic; `log.py` is what the port asks for, and the others are its parts."""
