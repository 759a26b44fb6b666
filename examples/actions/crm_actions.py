"""Function actions of a small CRM: what a workflow calls as `crm.scoreLead:1.0.0`."""

from typing import Final

from tidemill.action_kit import ActionContext, ActionError, EffectClass, action
from tidemill.json import Json

_SCORE_OF_SOURCE: Final = {"referral": 50, "web": 25, "ad": 10}
_SCORE_MAX: Final = 100
_BUDGET_OF_A_POINT: Final = 1_000
_VALIDATION_ERROR: Final = "https://open-workflow-specification.org/spec/1.0.0/errors/validation"


@action(
    "crm.scoreLead:1.0.0",
    # Nothing outside changes, so nothing needs to be remembered: a repeat just computes again.
    effect_class=EffectClass.PURE,
    # It takes microseconds and never waits: it runs on the event loop itself.
    inline=True,
    input_schema={
        "type": "object",
        "required": ["source", "budget"],
        "properties": {"source": {"type": "string"}, "budget": {"type": "integer", "minimum": 0}},
    },
)
def score_lead(arguments: Json, context: ActionContext) -> Json:
    """Rate a lead from 0 to 100 by where it comes from and what it may spend."""
    # The schema has seen to it that both are there.
    assert isinstance(arguments, dict)
    source, budget = arguments["source"], arguments["budget"]
    assert isinstance(source, str)
    assert isinstance(budget, int)
    if source not in _SCORE_OF_SOURCE:
        # The workflow can catch this by its type or status, as it would the error of an HTTP call.
        raise ActionError(status=422, type=_VALIDATION_ERROR, detail=f"nobody sends leads from {source}")
    return {"score": min(_SCORE_OF_SOURCE[source] + budget // _BUDGET_OF_A_POINT, _SCORE_MAX)}
