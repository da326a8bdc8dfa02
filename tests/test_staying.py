"""A worker that stays: how long it waits, and which models it holds meanwhile."""

import os
import subprocess
import sys

import pytest

from labkit import launch
from labkit.jobs.held import Held
from labkit.run import create
from labkit.spec import GenerateSpec
from labkit.staying import wait

KILOBYTE = 1024


def test_the_next_job_is_taken_once_it_is_queued(tmp_path):
    job = create("2", "generate", GenerateSpec(run="tone", prompts=("Why?",)), root=tmp_path)
    assert wait(tmp_path / "2", os.getpid(), idle=0.1) is None
    launch.queue(job)
    assert wait(tmp_path / "2", os.getpid()) == job.path


def test_nobody_waits_for_an_asker_that_is_gone_or_has_cleared_its_folder_away(tmp_path):
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    assert wait(tmp_path / "2", gone.pid) is None
    assert wait(tmp_path / "cleared" / "2", os.getpid()) is None


@pytest.fixture
def load():
    """A function that makes a model of a size, and tells how many it made."""
    from torch import nn

    class Load:
        n = 0

        def __call__(self, size=KILOBYTE):
            self.n += 1
            return nn.Linear(size // 4, 1, bias=False)

    return Load()


def test_a_model_is_loaded_once_and_the_one_asked_longest_ago_goes_first(load):
    held = Held(room=2 * KILOBYTE)
    first = held.get("a", load)
    held.get("b", load)
    assert held.get("a", load) is first
    held.get("c", load)  # b goes: a was asked after it
    assert load.n == 3
    assert held.get("a", load) is first
    held.get("b", load)
    assert load.n == 4


def test_a_model_without_room_is_not_held(load):
    held = Held(room=KILOBYTE)
    held.get("large", lambda: load(2 * KILOBYTE))
    held.get("large", lambda: load(2 * KILOBYTE))
    assert load.n == 2
