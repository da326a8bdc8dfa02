"""Waiting for a state of a run, not for time."""

import time


def until(run, holds, seconds=60.0):
    """Wait until something holds of a run."""
    deadline = time.monotonic() + seconds
    while not holds(run):
        assert time.monotonic() < deadline, run.events()[-3:]
        time.sleep(0.01)
