"""Turns itself into a server that ends with its parent: `launch.py PARENT SIGNAL USER GROUP COMMAND...`.

A program of its own rather than a hook of the fork: the order (first the user, then the wish to be told of
the parent's end, which a change of user undoes) is then plain, and threads of the parent do no harm.
"""

import ctypes
import os
import sys

_PR_SET_PDEATHSIG = 1


def main() -> None:
    """Become the command; USER and GROUP are ids, or `-` to stay who we are."""
    parent, number, user, group, *command = sys.argv[1:]
    if user != "-":
        os.setgroups([])
        os.setgid(int(group))
        os.setuid(int(user))
    if sys.platform.startswith("linux"):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(number), 0, 0, 0)
        # The parent may have ended before the kernel was asked.
        if os.getppid() != int(parent):
            sys.exit(1)
    os.execvp(command[0], command)


if __name__ == "__main__":
    main()
