"""Functions and scripts from outside: compiled into their users, and knowing nothing of the document."""

import orjson
import pytest

from tests.unit.core.driver import Driver, Task, Value, call_task, set_task
from tidemill.dsl import DocumentError
from tidemill.engine.core.events import TaskStarted

LOG = "https://a.test/functions/log/1.0.0/function.yaml"
CALL: Task = {"call": "log:1.0.0@shelf", "with": {"text": "${ .text }"}}
USE: Value = {"catalogs": {"shelf": {"endpoint": "https://a.test"}}}
# The reference of the function that this call means.
REFERENCE = "/do/0/it/use/functions/log:1.0.0@shelf"


def using(task: Value, *more: Task, documents: dict[str, bytes] | None = None, **use: Value) -> Driver:
    """A workflow that calls the function from outside with this task."""
    given = {LOG: orjson.dumps(task), **(documents or {})}
    return Driver({"it": CALL}, *more, use={**USE, **use}, documents=given)


def test_the_arguments_are_its_input_and_its_output_is_that_of_the_call() -> None:
    driver = using(call_task("inner")["inner"] | {"input": {"from": ".text"}, "with": {"a": "${ . }"}})
    call = driver.start({"text": "Hello", "more": 1}).call_of(REFERENCE)
    assert call.arguments.value == {"a": "Hello"}
    driver.succeed(call.reference, "logged")
    assert driver.output == "logged"
    assert driver.names(TaskStarted) == ["it", "log:1.0.0@shelf"]


def test_it_may_be_yaml() -> None:
    driver = Driver({"it": CALL}, use=USE, documents={LOG: b"# A comment.\nset:\n  said: ${ .text }\n"})
    assert driver.start({"text": "Hello"}).output == {"said": "Hello"}


def test_one_that_is_called_by_its_uri_has_it_in_its_reference() -> None:
    driver = Driver({"it": {"call": LOG}}, documents={LOG: b'{"raise":{"error":{"type":"a","status":400}}}'})
    error = driver.start().error
    assert error.instance == f"/do/0/it/use/functions/{LOG.replace('/', '~1')}"


def test_what_it_calls_by_the_name_of_a_function_of_the_document_is_an_action() -> None:
    own: Value = {"send:1.0.0": {"set": {"own": True}}}
    driver = using({"call": "send:1.0.0"}, functions=own).start({"text": "a"})
    assert driver.call_of(REFERENCE).action == "send:1.0.0"


def test_the_default_catalog_is_ours_in_it_whatever_the_document_says() -> None:
    split: Value = {"call": "split:1.0.0@default", "with": {"branches": [{"name": "a", "weight": 1}]}}
    taken: Value = {**USE["catalogs"], "default": {"endpoint": "https://b.test"}}
    theirs = {"https://b.test/functions/split/1.0.0/function.yaml": b'{"set": {"theirs": true}}'}
    assert using(split, catalogs=taken, documents=theirs).start({"text": "a"}).output == {"branch": "a"}
    driver = Driver({"it": split}, use={"catalogs": taken}, documents=theirs)
    assert driver.start().output == {"theirs": True}


def test_extensions_extend_its_tasks_and_are_those_of_the_document() -> None:
    note: Task = {"note": {"call": "helper", "export": {"as": "{noted: $task.name}"}}}
    before = [note, {"pass": {"set": '${ {text: "b"} }'}}]
    driver = using(
        {"set": {"said": "${ .text }", "noted": "${ $context.noted }"}},
        functions={"helper": {"set": "${ . }"}, "other": {"set": {"a": 1}}},
        extensions=[{"audit": {"extend": "set", "before": before}}],
    )  # fmt: skip
    assert driver.start({"text": "a"}).output == {"said": "b", "noted": "log:1.0.0@shelf"}


def test_it_reads_the_files_beside_it() -> None:
    schema: Value = {"schema": {"resource": {"endpoint": "text.json"}}}
    source: Value = {"language": "python", "source": {"endpoint": "code/log.py"}, "arguments": ["${ .text }"]}
    documents = {
        "https://a.test/functions/log/1.0.0/text.json": b'{"required": ["text"]}',
        "https://a.test/functions/log/1.0.0/code/log.py": b"${ print(1) }\n",
    }
    task: Value = {"input": schema, "run": {"script": source}}
    driver = using(task, documents=documents).start({"text": "a"})
    # What stands in a script is never an expression, even if it looks like one.
    assert driver.call_of(REFERENCE).arguments.value == {
        "language": "python",
        "code": "${ print(1) }\n",
        "arguments": ["a"],
        "return": "stdout",
        "await": True,
    }
    wrong = Driver({"it": {**CALL, "with": {}}}, use=USE, documents={LOG: orjson.dumps(task), **documents})
    assert wrong.start({}).error.instance == REFERENCE


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"x" * 262_145, "the code of a script may have 262144 bytes (SCRIPT_BYTES_MAX)"),
        (b"\xff", "it is not UTF-8 (byte 0)"),
        (b"a\0b", "the character NUL is not allowed"),
    ],
)
def test_code_that_cannot_be_a_text_is_refused(content: bytes, sentence: str) -> None:
    uri = "https://a.test/a.py"
    task: Task = {"run": {"script": {"language": "python", "source": {"endpoint": uri}}}}
    with pytest.raises(DocumentError) as refused:
        Driver({"it": task}, documents={uri: content})
    [problem] = refused.value.problems
    assert (problem.pointer, problem.message) == (
        "/do/0/it/run/script/source/endpoint",
        f"{uri}: {sentence}",
    )


def test_functions_from_outside_call_one_another_and_each_use_has_its_own_frames() -> None:
    inner = "https://b.test/inner.yaml"
    both: Value = {
        "fork": {"branches": [{name: {"call": inner, "with": {"n": "${ .text }"}}} for name in ("a", "b")]}
    }
    documents = {inner: orjson.dumps(call_task("it")["it"])}
    driver = using(both, set_task("last", "${ . }"), documents=documents).start({"text": "x"})
    escaped = inner.replace("/", "~1")
    for index, name in enumerate("ab"):
        driver.succeed(f"{REFERENCE}/fork/branches/{index}/{name}/use/functions/{escaped}", name)
    assert driver.output == ["a", "b"]
