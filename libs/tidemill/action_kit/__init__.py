"""What authors of function actions import: the decorator, the call's context, and the error to raise."""

from tidemill.action_kit.effects import EffectClass
from tidemill.action_kit.errors import ActionError
from tidemill.action_kit.functions import ActionContext, FunctionAction, Schema, action

__all__ = ["ActionContext", "ActionError", "EffectClass", "FunctionAction", "Schema", "action"]
