"""`python -m tidemill.stack.child MODULE`: runs a module in a child that does not outlive its parent."""

import os
import runpy
import signal
import sys
from typing import Final

PARENT_VARIABLE: Final = "TIDEMILL_STACK_PARENT"
_PR_SET_PDEATHSIG: Final = 1


def end_with_parent(parent_pid: int) -> None:
    """Have the kernel send SIGTERM when the parent ends, however it ends. Linux only; elsewhere nothing."""
    if not sys.platform.startswith("linux"):
        return
    import ctypes

    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(signal.SIGTERM), 0, 0, 0)
    # The parent may have ended before the kernel was asked.
    if os.getppid() != parent_pid:
        sys.exit(1)


def main() -> None:
    """Run the module named by the first argument as if Python had been started with it."""
    module = sys.argv[1]
    end_with_parent(int(os.environ.pop(PARENT_VARIABLE)))
    sys.argv = sys.argv[1:]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
