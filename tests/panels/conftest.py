"""Runs as the worker leaves them, for panels to read; time that passes when a test says so."""

import sys
import time
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[1] / "report"))


class Clock:
    """What `time.monotonic` says."""

    now = 1000.0


@pytest.fixture
def clock(monkeypatch):
    monkeypatch.setattr(time, "monotonic", lambda: Clock.now)
    return Clock
