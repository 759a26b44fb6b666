"""The commands of `tidemill`, put together."""

from typing import Final

import typer

from tidemill.cli.commands import (
    accept_log,
    bench,
    check,
    dead_letter,
    dev,
    documents,
    evaluate,
    events,
    migrate,
    namespace,
    reading,
    run,
    show,
    starting,
    steering,
)

_HELP_COLUMNS_MAX: Final = 100

# Plain help: the coloured one takes longer to load than everything else together.
app = typer.Typer(
    name="tidemill",
    help="Tidemill: run workflows, see what they did, and steer them.",
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": _HELP_COLUMNS_MAX},
)

app.command()(dev.dev)
app.command()(migrate.migrate)
app.command()(accept_log.accept_log)
app.command()(run.run)
app.command()(documents.validate)
app.command()(documents.publish)
app.command()(starting.start)
app.command()(starting.emit)
app.command()(reading.get)
app.command(name="list")(reading.list_executions)
app.command()(reading.history)
app.command()(reading.watch)
app.command()(show.show)
app.command()(steering.cancel)
app.command()(steering.suspend)
app.command()(steering.resume)
app.command()(steering.retry)
app.add_typer(dead_letter.group, name="dead-letter")
app.add_typer(events.group, name="events")
app.add_typer(namespace.group, name="namespace")
app.command(name="eval")(evaluate.evaluate)
app.command()(bench.bench)
app.command()(check.check)
