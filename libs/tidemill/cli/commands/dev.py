"""`dev`: the whole stack on this machine until Ctrl-C."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from tidemill.cli.failures import CommandError
from tidemill.cli.output import print_line
from tidemill.cli.session import run_async

if TYPE_CHECKING:
    from tidemill.stack.layout import Layout

_PORT_BASE_MAX: Final = 65_532


def dev(
    *,
    data: Annotated[Path, typer.Option(metavar="DIR", help="Where executions are kept.")] = Path(".tidemill"),
    port_base: Annotated[
        int,
        typer.Option(
            min=1, max=_PORT_BASE_MAX, help="Engine here, then Triggers, Actions, and Triggers' HTTP."
        ),
    ] = 7400,
) -> None:
    """Run all services as separate processes until Ctrl-C.

    Prints one line `ready` with the addresses on standard output; the services' logs go to standard error.
    """
    from tidemill.stack.layout import Layout, Ports

    layout = Layout(data=data.absolute(), ports=Ports.from_base(port_base))
    _check_ports(layout)
    try:
        run_async(_serve(layout))
    except KeyboardInterrupt:
        return


def _check_ports(layout: "Layout") -> None:
    from tidemill.stack.ports import is_free

    taken = [str(port) for port in layout.ports.all() if not is_free(port)]
    if taken:
        ports = ", ".join(taken)
        raise CommandError(f"in use already: port {ports}; choose others with --port-base")


async def _serve(layout: "Layout") -> None:
    from tidemill.stack.keeper import Keeper
    from tidemill.stack.stack import Stack

    stack = Stack(layout, sink=_print_log_line)
    await stack.start()
    try:
        print_line(
            f"ready engine={layout.address('engine')} triggers={layout.address('triggers')}"
            f" actions={layout.address('actions')} http={layout.events_url}"
        )
        sys.stdout.flush()
        await Keeper(stack, _print_log_line).run()
    finally:
        await stack.stop()


def _print_log_line(name: str, line: str) -> None:
    sys.stderr.write(f"{name:<8} | {line}\n")
