"""Shapes of the parts around the tasks: document, use, schedule, evaluate, data schemas, policies."""

from collections.abc import Mapping
from typing import Final

from tidemill.dsl.shapes.shape import ANY, Shape, by_member, by_type, listing, mapping, one_of, record, text

SHAPES: Final[Mapping[str, Shape]] = {
    "workflow": record(
        "a workflow",
        {
            "document": "document",
            "input": "input",
            "use": "use",
            "do": "task list",
            "timeout": "timeout or name",
            "output": "output",
            "schedule": "schedule",
            "evaluate": "evaluate",
        },
        required=("document", "do"),
        lenient=True,
    ),
    "document": record(
        "`document`",
        {
            "dsl": "semantic version",
            "namespace": "label",
            "name": "label",
            "version": "semantic version",
            "title": "text",
            "summary": "text",
            "tags": "open object",
            "metadata": "document metadata",
        },
        required=("dsl", "namespace", "name", "version"),
    ),
    "document metadata": mapping("an object", ""),
    "use": record(
        "`use`",
        {
            "authentications": "named authentications",
            "errors": "named errors",
            "extensions": "extensions",
            "functions": "named functions",
            "retries": "named retries",
            "secrets": "texts",
            "timeouts": "named timeouts",
            "catalogs": "named catalogs",
        },
    ),
    "named authentications": mapping("an object of authentications", "named authentication"),
    "named errors": mapping("an object of errors", "error"),
    "named functions": mapping("an object of tasks", "task"),
    "named retries": mapping("an object of retry policies", "retry policy"),
    "named timeouts": mapping("an object of timeouts", "timeout"),
    "named catalogs": mapping("an object of catalogs", "catalog"),
    "extensions": listing("a list of extensions", "extension item"),
    "extension item": mapping("an object with one extension", "extension", minProperties=1, maxProperties=1),
    "extension": record(
        "an extension",
        {"extend": "extension target", "when": "condition", "before": "task list", "after": "task list"},
        required=("extend",),
    ),
    "extension target": one_of(
        "what to extend",
        *(
            "call",
            "composite",
            "emit",
            "for",
            "listen",
            "raise",
            "run",
            "set",
            "switch",
            "try",
            "wait",
            "all",
        ),
    ),
    "schedule": record(
        "`schedule`",
        {"every": "duration", "cron": "cron", "after": "duration", "on": "start strategy", "read": "read"},
        dependentRequired={"read": ["on"]},
    ),
    "cron": text("a cron expression, such as `0 8 * * 1-5`"),
    "start strategy": by_member(
        "start strategy",
        "an object",
        {"all": "listen to all", "any": "listen to any", "one": "listen to one"},
    ),
    "evaluate": record("`evaluate`", {"language": "text", "mode": "evaluation mode"}),
    "evaluation mode": one_of("a mode", "strict", "loose"),
    "data schema": by_member(
        "data schema", "an object", {"document": "inline data schema", "resource": "external data schema"}
    ),
    "inline data schema": record(
        "a schema", {"format": "data schema format", "document": "data schema document"}
    ),
    "external data schema": record("a schema", {"format": "data schema format", "resource": "resource"}),
    "data schema format": text("the name of a format, such as `json`"),
    "data schema document": by_type("", other=ANY),
}
