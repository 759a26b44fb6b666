"""What is wrong with a history that does not fold."""


class HistoryError(Exception):
    """A stored event that this release does not know, or that cannot follow those before it.

    No caller ever sees it: the execution is put under quarantine, and an alarm counts it.
    """
