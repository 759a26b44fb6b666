"""Structured logs on standard error: one JSON object a line, or coloured lines for a terminal."""

import logging
import sys
from enum import StrEnum
from typing import Final, TextIO

import orjson
import structlog
from structlog.typing import EventDict, FilteringBoundLogger, Processor

# Libraries that log each request; their warnings still come through.
_CHATTY_LIBRARIES: Final = ("httpx", "httpcore", "uvicorn.access", "asyncio")


class LogFormat(StrEnum):
    """How log lines look."""

    JSON = "json"
    CONSOLE = "console"


def configure_logging(
    service: str,
    *,
    log_format: LogFormat = LogFormat.JSON,
    level: str = "info",
    stream: TextIO | None = None,
) -> None:
    """Set logging up for this process, our own lines and the libraries' alike. Called once, by `__main__`.

    `level` is a standard name (`debug` to `critical`); below it a call costs next to nothing.
    """
    number = logging.getLevelNamesMapping()[level.upper()]
    shared = _shared_processors(service)
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processors=_renderers(log_format))
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(number)
    for library in _CHATTY_LIBRARIES:
        logging.getLogger(library).setLevel(max(number, logging.WARNING))


def get_logger(name: str) -> FilteringBoundLogger:
    """A logger for the module `name`; fields are keyword arguments named as in `names.py`."""
    logger: FilteringBoundLogger = structlog.get_logger(name)
    return logger


def _shared_processors(service: str) -> list[Processor]:
    def add_service(_logger: object, _method: str, event: EventDict) -> EventDict:
        event["service"] = service
        return event

    return [
        structlog.contextvars.merge_contextvars,
        add_service,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.stdlib.ExtraAdder(),
    ]


def _renderers(log_format: LogFormat) -> list[Processor]:
    without_meta = structlog.stdlib.ProcessorFormatter.remove_processors_meta
    match log_format:
        case LogFormat.JSON:
            return [without_meta, structlog.processors.format_exc_info, _render_json]
        case LogFormat.CONSOLE:
            # Plain tracebacks: the default ones print local variables, and with them secrets.
            plain = structlog.dev.plain_traceback
            return [
                without_meta,
                structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=plain),
            ]


def _render_json(_logger: object, _method: str, event: EventDict) -> str:
    return orjson.dumps(event, default=str, option=orjson.OPT_NON_STR_KEYS).decode()
