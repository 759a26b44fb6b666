"""Open Workflow DSL 1.0.3: reads definition documents, says what is wrong in them, resolves references."""

from tidemill.civil.cron import Cron, parse_cron
from tidemill.dsl.checking import check
from tidemill.dsl.data_schemas import compile_data_schema
from tidemill.dsl.durations import parse_duration
from tidemill.dsl.loading import load
from tidemill.dsl.patterns import compile_pattern, is_pattern
from tidemill.dsl.pointers import task_pointer
from tidemill.dsl.problems import DocumentError, Problem
from tidemill.dsl.references import (
    UnknownReferenceError,
    resolve_authentication,
    resolve_error,
    resolve_retry,
    resolve_timeout,
)
from tidemill.dsl.shapes import PROTOCOLS, TASK_KINDS, task_kind
from tidemill.dsl.standard_errors import STANDARD_ERRORS, StandardError, normalize_error_type, standard_error
from tidemill.dsl.support import unsupported

__all__ = [
    "PROTOCOLS",
    "STANDARD_ERRORS",
    "TASK_KINDS",
    "Cron",
    "DocumentError",
    "Problem",
    "StandardError",
    "UnknownReferenceError",
    "check",
    "compile_data_schema",
    "compile_pattern",
    "is_pattern",
    "load",
    "normalize_error_type",
    "parse_cron",
    "parse_duration",
    "resolve_authentication",
    "resolve_error",
    "resolve_retry",
    "resolve_timeout",
    "standard_error",
    "task_kind",
    "task_pointer",
    "unsupported",
]
