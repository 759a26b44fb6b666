"""The services of docker-compose.yml as plain processes, for machines without containers and for tests.

The file itself is what runs: its environments, commands, mounts, order and health checks, with Kafka's and
Postgres's images stood in for by the servers of `tidemill.testing.servers`, and the names of its network
rewritten to ports of this machine.
"""
