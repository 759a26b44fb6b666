"""The three services as child processes on one machine, for the command line, the demo and tests.

Nothing here imports gRPC before a service is to be asked for its health, so that the services start while
their caller still loads.
"""
