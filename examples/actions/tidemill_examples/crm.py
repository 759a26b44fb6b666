"""A customer database that stands for a real one: each change is made once, by its idempotency key."""

from tidemill.action_kit import ActionContext, ActionError, action
from tidemill.json import Json
from tidemill_examples.crm_file import Book, opened

CONTACT = {"type": "string", "minLength": 1}


@action(
    "crm.addTag:1.0.0",
    effect_class="once",
    rate_group="crm",
    timeout_seconds=10,
    input_schema={
        "type": "object",
        "required": ["contact", "tag"],
        "properties": {"contact": CONTACT, "tag": {"type": "string", "minLength": 1}},
    },
)
def add_tag(arguments: Json, context: ActionContext) -> Json:
    """Adds a tag to a contact; answers with all its tags."""
    assert isinstance(arguments, dict)
    contact, tag = str(arguments["contact"]), str(arguments["tag"])
    with opened(context.namespace) as book:
        if book.is_new(context.idempotency_key):
            tags = book.contact(contact).setdefault("tags", [])
            if tag not in tags:
                tags.append(tag)
        return {"contact": contact, "tags": list(book.contact(contact).get("tags", []))}


@action(
    "crm.assignOwner:1.0.0",
    effect_class="once",
    rate_group="crm",
    timeout_seconds=10,
    input_schema={
        "type": "object",
        "required": ["contact", "team"],
        "properties": {"contact": CONTACT, "team": {"type": "array", "items": {"type": "string"}}},
    },
)
def assign_owner(arguments: Json, context: ActionContext) -> Json:
    """Gives a contact the next owner of the team, round robin."""
    assert isinstance(arguments, dict)
    team = arguments["team"]
    assert isinstance(team, list)
    if not team:
        raise ActionError(status=422, title="Nobody to assign", detail="the team has no members")
    contact = str(arguments["contact"])
    with opened(context.namespace) as book:
        if book.is_new(context.idempotency_key):
            book.contact(contact)["owner"] = _next_of(book, [str(member) for member in team])
        return {"contact": contact, "owner": book.contact(contact).get("owner")}


@action("crm.contact:1.0.0", effect_class="pure", rate_group="crm", timeout_seconds=10)
def contact(arguments: Json, context: ActionContext) -> Json:
    """Answers with what is known of a contact."""
    if not isinstance(arguments, dict) or not isinstance(arguments.get("contact"), str):
        raise ActionError(status=400, title="No contact named", detail="arguments need a `contact`")
    with opened(context.namespace) as book:
        return dict(book.contact(str(arguments["contact"])))


def _next_of(book: Book, team: list[str]) -> str:
    turn = book.turns.get(",".join(team), 0)
    book.turns[",".join(team)] = turn + 1
    return team[turn % len(team)]
