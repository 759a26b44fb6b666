"""What all tests share."""

import pytest
import structlog


@pytest.fixture(scope="session", autouse=True)
def plain_log_lines() -> None:
    """Log lines without a library's coloured tracebacks, whose drawing takes longer than most tests."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(default=str),
        ]
    )
