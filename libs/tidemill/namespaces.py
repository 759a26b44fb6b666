"""What stands for any namespace in requests that read or steer (ADR 0005); kept free of imports."""

from typing import Final

ANY_NAMESPACE: Final = "-"
