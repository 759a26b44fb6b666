"""`eval`: expressions without any service."""

from typing import TYPE_CHECKING, Annotated

import typer

from tidemill.cli.failures import FAILED, USAGE, CommandError
from tidemill.cli.inputs import json_bytes, read_file
from tidemill.cli.output import print_json

if TYPE_CHECKING:
    from tidemill.json import Json


def evaluate(
    expression: Annotated[str | None, typer.Argument(metavar="[EXPR]", help="A jq expression.")] = None,
    *,
    input_text: Annotated[
        str | None, typer.Option("--input", metavar="JSON|@FILE", help="What it is evaluated on; null.")
    ] = None,
    file: Annotated[
        str | None,
        typer.Option(metavar="CASES.jsonl", help='Lines {"expr", "input", "vars"}, each answered by a line.'),
    ] = None,
) -> None:
    """Evaluate an expression, or a file of them, as a workflow would.

    One line of JSON an output.
    """
    if (expression is None) == (file is None) or (file is not None and input_text is not None):
        message = "give either an expression or --file, and --input with an expression only"
        raise CommandError(message, exit_code=USAGE)
    if file is not None:
        _evaluate_file(file)
    elif expression is not None:
        _evaluate_one(expression, json_bytes("--input", input_text or "null"))


def _evaluate_one(expression: str, data: bytes) -> None:
    from tidemill.json import loads

    try:
        outputs = _outputs(expression, loads(data), {})
    except ValueError as error:
        raise CommandError(str(error)) from None
    for output in outputs:
        print_json(output)


def _evaluate_file(path: str) -> None:
    """Answer each case; a case that fails is an answer, a line that is no case fails the command."""
    malformed = 0
    for number, line in enumerate(read_file(path).splitlines(), start=1):
        if not line.strip():
            continue
        try:
            expression, value, variables = _case(line)
        except ValueError as error:
            malformed += 1
            print_json({"error": f"line {number}: {error}"})
            continue
        try:
            print_json({"outputs": _outputs(expression, value, variables)})
        except ValueError as error:
            print_json({"error": str(error)})
    if malformed:
        raise typer.Exit(FAILED)


def _case(line: bytes) -> "tuple[str, Json, dict[str, Json]]":
    """The expression, input and variables of a line; raises ValueError."""
    from tidemill.json import JsonError, loads

    try:
        case = loads(line, field="case")
    except JsonError as error:
        raise ValueError(error.message) from None
    if not isinstance(case, dict) or not isinstance(case.get("expr"), str):
        raise ValueError("a case is an object with the text `expr`, and `input` and `vars`")
    variables = case.get("vars") or {}
    if not isinstance(variables, dict):
        raise ValueError("`vars` is an object of values by name")
    return (
        str(case["expr"]),
        case.get("input"),
        {name.removeprefix("$"): it for name, it in variables.items()},
    )


def _outputs(expression: str, value: "Json", variables: "dict[str, Json]") -> "list[Json]":
    """All outputs; raises ValueError that says why there are none."""
    import time

    from tidemill.expressions import ExpressionError, ExpressionSyntaxError, compile_condition
    from tidemill.json import JsonError, dumps

    try:
        compiled = compile_condition(expression, frozenset(variables))
        outputs = compiled.evaluate_all(value, variables, now_us=time.time_ns() // 1000)
        dumps(outputs, field="outputs")
    except (ExpressionError, ExpressionSyntaxError, JsonError) as error:
        raise ValueError(str(error)) from None
    return outputs
