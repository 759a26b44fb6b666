"""The asynchronous client of the three services, for programs, the command line, tests and benchmarks."""
