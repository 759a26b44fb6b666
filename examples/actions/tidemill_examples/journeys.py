"""What the journeys call: mails, texts, tasks, turns and look-ups, all in the example database."""

from collections.abc import Callable

from tidemill.action_kit import ActionContext, ActionError, action
from tidemill.json import Json
from tidemill_examples.crm_file import Book, opened

TEXT = {"type": "string", "minLength": 1}


@action(
    "crm.sendMail:1.0.0",
    effect_class="once",
    rate_group="mail",
    timeout_seconds=10,
    input_schema={
        "type": "object",
        "required": ["to", "template"],
        "properties": {"to": TEXT, "template": TEXT},
    },
)
def send_mail(arguments: Json, context: ActionContext) -> Json:
    """Sends a mail by its template; answers with the id of the message."""
    return _sent("mail", arguments, context)


@action(
    "crm.sendText:1.0.0",
    effect_class="once",
    rate_group="text",
    timeout_seconds=10,
    input_schema={"type": "object", "required": ["to", "text"], "properties": {"to": TEXT, "text": TEXT}},
)
def send_text(arguments: Json, context: ActionContext) -> Json:
    """Sends a text message; answers with its id."""
    return _sent("text", arguments, context)


@action(
    "crm.notify:1.0.0",
    effect_class="once",
    timeout_seconds=10,
    input_schema={"type": "object", "required": ["to", "text"], "properties": {"to": TEXT, "text": TEXT}},
)
def notify(arguments: Json, context: ActionContext) -> Json:
    """Tells one of our own people something; answers with the id of the message."""
    return _sent("notice", arguments, context)


@action(
    "crm.createTask:1.0.0",
    effect_class="once",
    timeout_seconds=10,
    input_schema={"type": "object", "required": ["team", "text"], "properties": {"team": TEXT, "text": TEXT}},
)
def create_task(arguments: Json, context: ActionContext) -> Json:
    """Puts a task on a team's list; answers with its id."""

    def create(book: Book) -> Json:
        book.tasks.append(arguments)
        return {"task": f"task-{len(book.tasks)}"}

    return _once(create, context)


@action(
    "crm.takeTurn:1.0.0",
    effect_class="once",
    timeout_seconds=10,
    input_schema={"type": "object", "required": ["team"], "properties": {"team": TEXT}},
)
def take_turn(arguments: Json, context: ActionContext) -> Json:
    """Counts the turns of a team, from 0; whoever asks again under the same key keeps its turn."""
    assert isinstance(arguments, dict)
    team = str(arguments["team"])

    def take(book: Book) -> Json:
        turn = book.turns.get(team, 0)
        book.turns[team] = turn + 1
        return {"turn": turn}

    return _once(take, context)


@action(
    "crm.enrichLead:1.0.0",
    effect_class="pure",
    timeout_seconds=10,
    input_schema={"type": "object", "required": ["email"], "properties": {"email": TEXT}},
)
def enrich_lead(arguments: Json, context: ActionContext) -> Json:
    """Answers with the company of a lead, which its address tells."""
    assert isinstance(arguments, dict)
    _, _, host = str(arguments["email"]).partition("@")
    if not host:
        raise ActionError(status=422, title="No such address", detail=str(arguments["email"]))
    return {"company": host.split(".")[0].capitalize()}


@action(
    "crm.birthdays:1.0.0",
    effect_class="pure",
    timeout_seconds=10,
    input_schema={
        "type": "object",
        "required": ["days"],
        "properties": {
            "days": {"type": "array", "items": {"type": "string", "pattern": "^[0-9]{2}-[0-9]{2}$"}}
        },
    },
)
def birthdays(arguments: Json, context: ActionContext) -> Json:
    """Answers with the people who were born on one of these days, each as month and day."""
    assert isinstance(arguments, dict)
    days = arguments["days"]
    assert isinstance(days, list)
    with opened(context.namespace) as book:
        people: list[Json] = [
            {"contact": name, **{part: known.get(part) for part in ("name", "email", "timezone")}}
            for name, known in sorted(book.contacts.items())
            if str(known.get("birthday", ""))[5:] in days
        ]
    return {"people": people}


def _sent(channel: str, arguments: Json, context: ActionContext) -> Json:
    assert isinstance(arguments, dict)

    def send(book: Book) -> Json:
        book.messages.append({"channel": channel, **arguments})
        return {"message": f"{channel}-{len(book.messages)}"}

    return _once(send, context)


def _once(change: Callable[[Book], Json], context: ActionContext) -> Json:
    """Make a change, or answer as before when it has been made under this key."""
    with opened(context.namespace) as book:
        if context.idempotency_key not in book.answers:
            book.answers[context.idempotency_key] = change(book)
        answer: Json = book.answers[context.idempotency_key]
        return answer
