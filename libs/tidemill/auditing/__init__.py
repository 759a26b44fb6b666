"""Has both services tell what they have stored, and checks it: for the command line, benchmarks and tests."""
