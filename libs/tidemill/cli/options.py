"""Options and arguments that several commands share."""

from typing import Annotated, TypeAlias

import typer

JsonFlag: TypeAlias = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]
ExecutionId: TypeAlias = Annotated[str, typer.Argument(metavar="ID", help="The execution's id.")]
AnyNamespace: TypeAlias = Annotated[
    str, typer.Option("--namespace", metavar="NS", help='Only in this namespace; "-" is any.')
]
InputText: TypeAlias = Annotated[
    str, typer.Option("--input", metavar="JSON|@FILE", help="The input, or @ and the file that holds it.")
]
DocumentPath: TypeAlias = Annotated[
    str, typer.Argument(metavar="FILE", help="A workflow document, YAML or JSON.")
]
Reason: TypeAlias = Annotated[str, typer.Option("--reason", help="Why, for the history.")]
