"""The actions `run.shell`, `run.script` and `run.container`; a kind that is off answers how to turn it on."""

import asyncio
import errno
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, assert_never

from tidemill.action_kit import EffectClass
from tidemill.actions.adapters.processes.arguments import (
    LANGUAGES,
    Container,
    InvalidArgumentsError,
    Script,
    ShellCommand,
    Wanted,
    parse,
)
from tidemill.actions.adapters.processes.commands import MissingProgramError, script_job, shell_job
from tidemill.actions.adapters.processes.containers import ContainerRules, container_job
from tidemill.actions.adapters.processes.control import NotStartedError
from tidemill.actions.adapters.processes.guarded import LostError
from tidemill.actions.adapters.processes.jobs import Job
from tidemill.actions.adapters.processes.limits import KINDS, PROCESSES_VARIABLE, ProcessLimits, kinds_of
from tidemill.actions.adapters.processes.programs import VARIABLES, Programs, ProgramSettings, find_programs
from tidemill.actions.adapters.processes.results import container_outcome, outcome_of
from tidemill.actions.adapters.processes.running import Running
from tidemill.actions.core.model import ActionState, Call, Outcome
from tidemill.actions.core.problems import configuration_problem, failed, runtime_problem, validation_problem
from tidemill.actions.registry import Action, ActionSpec, NotDeliveredError
from tidemill.errors import InvalidRequestError
from tidemill.telemetry.logging import get_logger

PROCESSES: Final = "processes"
FOLDER_VARIABLE: Final = "TIDEMILL_ACTIONS_PROCESS_FOLDER"
EFFECT_CLASS_VARIABLE: Final = "TIDEMILL_ACTIONS_PROCESS_EFFECT_CLASS"
_CLASSES: Final[Mapping[str, EffectClass]] = {
    effect_class.value: effect_class for effect_class in (EffectClass.ONCE, EffectClass.AT_MOST_ONCE)
}
_DESCRIPTIONS: Final[Mapping[str, str]] = {
    "shell": "Runs a command in a shell of this service's machine.",
    "script": "Runs a script with an interpreter of this service's machine.",
    "container": "Runs a container with a runtime of this service's machine.",
}
_log = get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessSettings:
    """What the operator says of programs; `kinds` names those that are on, with commas between."""

    kinds: str
    effect_class: str
    folder: str
    programs: ProgramSettings


class Processes:
    """Runs programs for tasks. Programs that nobody waits for run on until they end, or the service does."""

    def __init__(self, settings: ProcessSettings, limits: ProcessLimits) -> None:
        """Raises InvalidRequestError for settings that make no sense, and where a program is missing."""
        self.kinds = kinds_of(settings.kinds)
        if self.kinds and sys.platform != "linux":
            message = f"{PROCESSES_VARIABLE}: only Linux can hold all that a program starts"
            raise InvalidRequestError(PROCESSES_VARIABLE, message)
        if self.kinds and settings.folder and not os.path.isdir(settings.folder):
            raise InvalidRequestError(FOLDER_VARIABLE, f"{FOLDER_VARIABLE}: {settings.folder} is no folder")
        self.programs = find_programs(settings.programs, self.kinds)
        for language in _without_interpreter(self.kinds, self.programs):
            _log.warning(_missing(language))
        self._settings = settings
        self._limits = limits
        self._effect_class = _effect_class(settings.effect_class)
        rules = settings.programs
        self._rules = ContainerRules.read(rules.container_options, rules.container_volumes)
        self._detached: dict[asyncio.Task[None], Running] = {}

    @property
    def has_containers(self) -> bool:
        """Whether containers are on."""
        return "container" in self.kinds

    @property
    def actions(self) -> list[Action]:
        """One action for each kind, also for those that are off."""
        return [self._action(kind) if kind in self.kinds else _off(kind) for kind in KINDS]

    async def close(self) -> None:
        """Stop the programs that nobody waits for; returns when they have ended."""
        await asyncio.gather(*(running.stop() for running in self._detached.values()))
        if self._detached:
            await asyncio.wait(self._detached)

    def _action(self, kind: str) -> Action:
        async def run(call: Call) -> Outcome:
            return await self._run(kind, call)

        return Action(_spec(kind, self._effect_class, self._limits.timeout_us), run)

    async def _run(self, kind: str, call: Call) -> Outcome:
        try:
            wanted = parse(kind, call.arguments)
            job = self._job(wanted, call)
        except InvalidArgumentsError as error:
            return failed(error.problem)
        except MissingProgramError as error:
            return failed(configuration_problem(_missing(error.name)))
        if not wanted.program.awaited and len(self._detached) >= self._limits.detached_max:
            raise NotDeliveredError(f"{len(self._detached)} processes run already that nobody waits for")
        try:
            running = await Running.start(job, self._limits, self._settings.folder)
        except NotStartedError as error:
            return _not_started(error)
        if not wanted.program.awaited:
            return self._leave(running, call)
        return await self._outcome(running, wanted)

    def _job(self, wanted: Wanted, call: Call) -> Job:
        match wanted:
            case ShellCommand():
                return shell_job(wanted, call.key, self.programs, self._limits)
            case Script():
                return script_job(wanted, call.key, self.programs, self._limits)
            case Container():
                return container_job(wanted, call, self.programs, self._limits, self._rules)
            case _:
                assert_never(wanted)

    async def _outcome(self, running: Running, wanted: Wanted) -> Outcome:
        try:
            ended = await running.result()
        except LostError as error:
            return failed(runtime_problem(str(error)))
        judge = container_outcome if isinstance(wanted, Container) else outcome_of
        return judge(ended, wanted.program.returns, self._limits)

    def _leave(self, running: Running, call: Call) -> Outcome:
        """The task ends here; the program goes on under its limits."""
        task = asyncio.create_task(self._attend(running, call))
        self._detached[task] = running
        task.add_done_callback(self._detached.pop)
        return Outcome(ActionState.SUCCEEDED, b"null")

    async def _attend(self, running: Running, call: Call) -> None:
        """See a program to its end, of which the log alone tells."""
        facts = {"execution_id": call.execution_id, "task_reference": call.task_reference}
        try:
            async with asyncio.timeout(self._limits.timeout_us / 1_000_000):
                ended = await running.result()
        except TimeoutError:
            _log.warning("a process that nobody waits for was killed at its time limit", **facts)
        except LostError:
            _log.warning("a process that nobody waits for was lost", **facts)
        else:
            _log.info("a process that nobody waits for has ended", exit_code=ended.exit_code, **facts)


def _spec(kind: str, effect_class: EffectClass, timeout_us: int) -> ActionSpec:
    return ActionSpec(
        name=f"run.{kind}",
        effect_class=effect_class,
        timeout_us=timeout_us,
        rate_group=PROCESSES,
        description=_DESCRIPTIONS[kind],
    )


def _off(kind: str) -> Action:
    """The action of a kind that is off. Nothing is kept of a call: it can be tried again once it is on."""
    detail = (
        f"`run: {kind}` is off: it runs programs of workflow authors on the machine of the Action service; "
        f"{PROCESSES_VARIABLE}={kind} turns it on there"
    )
    outcome = failed(configuration_problem(detail))

    async def run(_call: Call) -> Outcome:
        return outcome

    return Action(_spec(kind, EffectClass.PURE, 1_000_000), run, lambda _call: outcome)


def _without_interpreter(kinds: frozenset[str], programs: Programs) -> list[str]:
    """Languages of which scripts will be refused, where scripts are on."""
    languages = sorted(set(LANGUAGES.values())) if "script" in kinds else []
    return [language for language in languages if language not in programs.commands]


def _missing(language: str) -> str:
    return (
        f"there is no interpreter for `{language}` here; {VARIABLES[language]} of the Action service names it"
    )


def _not_started(error: NotStartedError) -> Outcome:
    detail = f"the process did not start: {error}"
    if error.number == errno.E2BIG:
        return failed(validation_problem(f"{detail}; the system bounds command, arguments and environment"))
    if error.number in (errno.ENOENT, errno.EACCES, errno.ENOEXEC):
        return failed(configuration_problem(detail))
    return failed(runtime_problem(detail))


def _effect_class(text: str) -> EffectClass:
    if text not in _CLASSES:
        message = f"{EFFECT_CLASS_VARIABLE} must be one of {', '.join(_CLASSES)}"
        raise InvalidRequestError(EFFECT_CLASS_VARIABLE, message)
    return _CLASSES[text]
