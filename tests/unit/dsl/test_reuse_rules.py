"""How much functions and extensions may stand for, and which tasks extensions extend."""

import pytest

from tests.unit.dsl.samples import errors, http, one, workflow
from tidemill.dsl import limits
from tidemill.dsl.extending import extensions_of
from tidemill.dsl.task_references import (
    as_written,
    is_extended_itself,
    of_extended_itself,
    of_extension,
    of_function,
    pointer_of,
    user_of,
)
from tidemill.json import Json

SET: dict[str, Json] = {"set": {"a": 1}}
TOO_DEEP = f"tasks may be nested {limits.TASK_LEVELS_MAX} levels deep, functions and extensions included"
TOO_MUCH = (
    f"functions and extensions stand for more than {limits.REUSED_VALUES_MAX} values where they are used"
)


def chain(length: int) -> dict[str, Json]:
    """Functions of which each calls the next one."""
    calls: dict[str, Json] = {f"f{index}": {"call": f"f{index + 1}"} for index in range(length - 1)}
    return {"functions": {**calls, f"f{length - 1}": SET}}


def test_functions_may_call_each_other_as_deep_as_tasks_may_be_nested() -> None:
    assert errors(one({"call": "f0"}, use=chain(limits.TASK_LEVELS_MAX - 1))) == {}
    assert errors(one({"call": "f0"}, use=chain(limits.TASK_LEVELS_MAX))) == {"/do/0/it": TOO_DEEP}


def test_a_chain_of_thousands_of_functions_is_no_trouble_to_check() -> None:
    assert errors(one({"call": "f0"}, use=chain(5_000))) == {"/do/0/it": TOO_DEEP}


def test_extended_tasks_count_as_a_level_of_their_own() -> None:
    def nested(depth: int) -> Json:
        return SET if depth == 1 else {"do": [{"it": nested(depth - 1)}]}

    half = limits.TASK_LEVELS_MAX // 2
    use: Json = {"extensions": [{"log": {"extend": "all", "before": [{"note": SET}]}}]}
    assert errors(one(nested(half), use=use)) == {}
    assert errors(one(nested(half + 1), use=use)) == {"/do/0/it": TOO_DEEP}
    assert errors(one(nested(half + 1))) == {}


def test_functions_that_double_at_each_call_stand_for_too_much() -> None:
    twice: dict[str, Json] = {
        f"f{index}": {"do": [{side: {"call": f"f{index + 1}"}} for side in "ab"]} for index in range(9)
    }
    long: Json = {"set": {"text": "x" * 20_000}}
    document = one({"call": "f0"}, use={"functions": {**twice, "f9": long}})
    assert errors(document) == {"/use": TOO_MUCH}
    assert errors(one({"call": "f0"}, use={"functions": {**twice, "f9": SET}})) == {}
    assert errors(one(SET, use={"functions": {**twice, "f9": long}})) == {}


def test_an_extension_of_many_tasks_counts_for_each_of_them() -> None:
    before: Json = [{f"note{index}": SET} for index in range(100)]
    tasks: list[tuple[str, Json]] = [(f"t{index}", SET) for index in range(300)]
    use: Json = {"extensions": [{"log": {"extend": "set", "before": before}}]}
    assert errors(workflow(*tasks, use=use)) == {"/use": TOO_MUCH}
    assert errors(workflow(*tasks[:100], use=use)) == {}


def test_malformed_functions_and_extensions_are_told_by_their_shapes_alone() -> None:
    use: Json = {"functions": {"f": 1, "g": {"call": [1]}}, "extensions": [1, {"a": 2}, {"b": {}}]}
    assert errors(one({"call": ["f"]}, use=use)).keys() == {
        "/use/functions/f",
        "/use/functions/g/call",
        "/use/extensions/0",
        "/use/extensions/1/a",
        "/use/extensions/2/b",
        "/do/0/it/call",
    }


LISTEN: dict[str, Json] = {"listen": {"to": {"any": []}}}
TASKS: dict[str, dict[str, Json]] = {
    "call": http(),
    "do": {"do": []},
    "emit": {"emit": {}},
    "for": {"for": {}, "do": []},
    "fork": {"fork": {}},
    "listen": LISTEN,
    "listen to each": {**LISTEN, "foreach": {}},
    "raise": {"raise": {}},
    "run": {"run": {}},
    "set": SET,
    "switch": {"switch": []},
    "try": {"try": [], "catch": {}},
    "wait": {"wait": "PT1S"},
}


@pytest.mark.parametrize("target", ["call", "emit", "for", "raise", "run", "set", "switch", "try", "wait"])
def test_an_extension_extends_the_kind_that_it_names(target: str) -> None:
    assert extended_by(target) == {target}


def test_an_extension_of_listen_extends_both_forms_of_it() -> None:
    assert extended_by("listen") == {"listen", "listen to each"}


def test_an_extension_of_composites_extends_what_holds_tasks() -> None:
    assert extended_by("composite") == {"do", "for", "fork", "try", "listen to each"}


def test_an_extension_of_all_extends_all() -> None:
    assert extended_by("all") == TASKS.keys()


def extended_by(target: str) -> set[str]:
    (extension,) = extensions_of(one(SET, use={"extensions": [{"log": {"extend": target}}]}))
    return {name for name, task in TASKS.items() if extension.extends(task)}


def test_references_tell_where_a_task_runs_and_where_it_is_written() -> None:
    caller = "/do/0/f/fork/branches/1/get~1pet"
    function = of_function(caller, "a/b")
    assert function == "/do/0/f/fork/branches/1/get~1pet/use/functions/a~1b"
    assert pointer_of(f"{function}/do/0/x") == "/use/functions/a~1b/do/0/x"
    assert pointer_of(f"{of_function(f'{function}/do/0/x', 'g')}/try/0/y") == "/use/functions/g/try/0/y"
    assert as_written(function) == function

    before = f"{of_extension(caller, 2, 'l/g')}/before/0/note"
    assert before == "/do/0/f/fork/branches/1/get~1pet/use/extensions/2/l~1g/before/0/note"
    assert pointer_of(before) == "/use/extensions/2/l~1g/before/0/note"

    assert user_of(before) == user_of(f"{function}/do/0/x/use/functions/g") == caller
    itself = of_extended_itself(caller)
    assert itself == "/do/0/f/fork/branches/1/get~1pet/extended/0/get~1pet"
    assert is_extended_itself(itself)
    assert not is_extended_itself(f"{itself}/do/0/extended")
    assert not is_extended_itself("/do/0/extended/do/0/x")
    assert as_written(itself) == pointer_of(itself) == caller
    assert as_written(of_extended_itself(f"{itself}/do/0/extended")) == f"{caller}/do/0/extended"
    assert pointer_of("/do/0/plain") == as_written("/do/0/plain") == "/do/0/plain"
