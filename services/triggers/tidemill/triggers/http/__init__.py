"""The HTTP side: CloudEvents by the HTTP protocol binding."""
