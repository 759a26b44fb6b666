"""What a process has to say to its task: its output, or why there is none."""

from dataclasses import dataclass
from typing import Final

from tidemill.actions.adapters.processes.arguments import Returns
from tidemill.actions.adapters.processes.limits import ProcessLimits
from tidemill.actions.core.model import ActionState, Outcome
from tidemill.actions.core.problems import failed, runtime_problem
from tidemill.json import Json, dumps

_SIGNAL_BASE: Final = 128
_SIGXCPU: Final = 24
_EXCERPT_BYTES: Final = 512
# What docker and podman themselves end with; a container that ends so is taken for the same.
_RUNTIME_FAILED: Final = 125


@dataclass(frozen=True, slots=True)
class Ended:
    """How a process ended. `code` is below 0 for the signal that killed it; `over` names the stream on which
    it said more than it may."""

    code: int
    stdout: bytes = b""
    stderr: bytes = b""
    over: str = ""

    @property
    def exit_code(self) -> int:
        """The code as a shell gives it: 128 and the signal's number for a process that was killed."""
        return self.code if self.code >= 0 else _SIGNAL_BASE - self.code


def outcome_of(ended: Ended, returns: Returns, limits: ProcessLimits) -> Outcome:
    """The output that the author wants, or a runtime error.

    A code other than 0 is an error unless the author asks for the code, with `return: code` or `all`: the
    specification says nothing of it.
    """
    if ended.over:
        detail = (
            f"the process said more on {ended.over} than process_output_bytes_max, {limits.output_bytes_max}"
        )
        return failed(runtime_problem(f"{detail}, and was killed"))
    if ended.code == -_SIGXCPU:
        detail = f"the process took more CPU time than process_cpu_us_max, {limits.cpu_seconds_max} seconds"
        return failed(runtime_problem(f"{detail}, and was killed"))
    if ended.code != 0 and not returns.has_code:
        return failed(runtime_problem(_complaint(ended)))
    return Outcome(ActionState.SUCCEEDED, dumps(_output(ended, returns)))


def container_outcome(ended: Ended, returns: Returns, limits: ProcessLimits) -> Outcome:
    """The same for a container; that it could not be run at all is an error whatever the author asks for."""
    if ended.code == _RUNTIME_FAILED and not ended.over:
        return failed(runtime_problem(f"the container could not be run: {_said(ended)}"))
    return outcome_of(ended, returns, limits)


def _output(ended: Ended, returns: Returns) -> Json:
    match returns:
        case Returns.STDOUT:
            return _text(ended.stdout)
        case Returns.STDERR:
            return _text(ended.stderr)
        case Returns.CODE:
            return ended.exit_code
        case Returns.ALL:
            return {
                "code": ended.exit_code,
                "stdout": _text(ended.stdout),
                "stderr": _text(ended.stderr),
            }
        case Returns.NONE:
            return None


def _text(data: bytes) -> str:
    """Output as text; what is no UTF-8 becomes the replacement character."""
    return data.decode(errors="replace")


def _complaint(ended: Ended) -> str:
    how = f"ended with code {ended.code}" if ended.code > 0 else f"was killed by signal {-ended.code}"
    said = _said(ended)
    return f"the process {how}" + (f": {said}" if said else "")


def _said(ended: Ended) -> str:
    return _text(ended.stderr[-_EXCERPT_BYTES:]).strip()
