"""What a process tree uses: cores of work done here, memory that was taken, few events."""

import subprocess
import sys
import time
from types import SimpleNamespace

import pytest

from labkit import machine, resources
from labkit.resources import Meter, Use, watched


def busy(seconds):
    end = time.process_time() + seconds
    while time.process_time() < end:
        pass


def test_the_cores_in_use_are_processor_time_over_wall_time():
    meter, wall, work = Meter(), time.monotonic(), time.process_time()
    busy(0.3)
    time.sleep(0.3)

    def share():
        return (time.process_time() - work) / (time.monotonic() - wall)

    before, seen, after = share(), meter.read().cpu, share()  # a busy machine may pause between
    assert min(before, after) - 0.1 < seen < max(before, after) + 0.1
    time.sleep(0.2)
    assert meter.read().cpu < 0.2, "a reading starts where the one before ended"


def test_the_work_of_a_child_that_has_ended_counts():
    before = machine.tree_seconds()
    subprocess.run([sys.executable, "-c", "sum(range(10**7))"], check=True)
    assert machine.tree_seconds() - before > 0.05


def test_an_event_comes_when_the_use_changes_and_seldom_otherwise(monkeypatch):
    readings = iter([Use(1000, 1.0)] * 3 + [Use(1015, 1.4)] * 2 + [Use(2000, 1.4)] * 200)
    monkeypatch.setattr(Meter, "read", lambda _: next(readings))
    events = []
    with watched(lambda kind, **values: events.append((kind, values)), every=0.01):
        time.sleep(0.4)
    assert [kind for kind, _ in events] == ["resources"] * 2
    assert [values["bytes"] for _, values in events] == [1000, 2000]
    assert events[0][1] == {"bytes": 1000, "cpu": 1.0, "limit": machine.memory_limit()}


def test_without_a_change_there_is_an_event_each_few_seconds(monkeypatch):
    monkeypatch.setattr(resources, "LONGEST", 0.1)
    monkeypatch.setattr(Meter, "read", lambda _: Use(1000, 1.0))
    events = []
    with watched(lambda _kind, **values: events.append(values), every=0.01):
        time.sleep(0.45)
    assert 2 <= len(events) <= 5


class Gpu:
    """Stands in for torch.cuda: 3 of 8 GiB in use, and a load that can be asked for or not."""

    def __init__(self, load):
        self._load = load

    def is_initialized(self):
        return True

    def mem_get_info(self):
        return 5 * 2**30, 8 * 2**30

    def utilization(self):
        if self._load is None:
            raise ModuleNotFoundError("pynvml is not installed")
        return self._load


@pytest.mark.parametrize(("load", "share"), [(75, 0.75), (None, None)])
def test_a_gpu_at_work_is_read_with_or_without_its_load(monkeypatch, load, share):
    monkeypatch.setitem(sys.modules, "torch", SimpleNamespace(cuda=Gpu(load)))
    use = Meter().read()
    assert (use.gpu_bytes, use.gpu) == (3 * 2**30, share)
