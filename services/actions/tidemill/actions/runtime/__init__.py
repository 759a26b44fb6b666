"""The running of calls: streams, flights, the batch step, and the recorder."""
