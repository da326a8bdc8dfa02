"""The panel of a run, without a page: what it says, what its buttons do, what it sends."""

import gc
import json
import shutil
import time
import tracemalloc

import psutil
import pytest
import report_samples as samples

from labkit import machine, panels
from labkit.errors import RunError
from labkit.files import locked
from labkit.report import bundle
from labkit.run import Run


@pytest.fixture
def going(tmp_path):
    """A run that a worker is at."""
    run = samples.going(tmp_path, steps=97)
    with locked(run.path):
        yield run


def is_marked(panel, status):
    return f"labkit-is-{status}" in panel.root._dom_classes


def shown(panel):
    """Return the HTML of the panel's places, as one text."""
    places = [*panel._top.widget.children, *panel._rest.widget.children]
    return "\n".join(place.value for place in places)


def offered(panel):
    """Return what the buttons say that can be pressed."""
    buttons = (panel._stop, panel._resume)
    return [one.description for one in buttons if one.layout.display != "none" and not one.disabled]


def later(panel, clock, seconds=60.0):
    clock.now += seconds
    return panel.beat()


def test_a_run_that_is_going_shows_progress_losses_rate_speed_memory_time_and_answers(going):
    panel = panels.run(going)
    html = shown(panel)
    wanted = ["step 97/256", "training loss", "4.0e-04", "752", "1:40", "1005 MiB", "sadness"]
    assert [word for word in wanted if word not in html] == []
    assert html.count("data:image/svg+xml") == 2  # losses and the schedule of the learning rate
    assert is_marked(panel, "running")
    assert offered(panel) == ["Stop"]


def test_answers_stand_beside_those_of_earlier_validations_the_latest_first(going):
    panel = panels.run(going)
    (table,) = [block for block in panel.blocks() if "Answers" in getattr(block, "title", "")]
    assert table.header == ("prompt", "expected", "step 96", "step 64", "step 32")
    assert table.rows[1][2:] == ("✓ right: anger", "✓ right: anger", "✗ wrong: joy and")


def test_what_is_new_is_drawn_and_what_is_not_is_left_alone(going, clock):
    panel = panels.run(going)
    before = [place.value for place in panel._rest.widget.children]
    assert later(panel, clock) is True
    assert [place.value for place in panel._rest.widget.children] == before
    samples.take_step(samples.Clock(going.path), 98, 256)
    assert later(panel, clock) is True
    assert "step 98/256" in shown(panel)


def test_a_worker_that_ends_leaves_the_record_and_its_report(tmp_path, clock):
    run = samples.going(tmp_path, steps=97)
    with locked(run.path):
        panel = panels.run(run)
        run.stop()
        assert later(panel, clock) is True
        assert is_marked(panel, "stopping")
        assert offered(panel) == []
    samples.Clock(run.path).at(0, "end", status="stopped")
    assert later(panel, clock) is False
    assert is_marked(panel, "stopped")
    assert offered(panel) == ["Resume"]
    assert "Stopped at step 97 of 256" in shown(panel)


def test_the_last_word_of_a_killed_worker_is_waited_for(tmp_path, clock):
    run = samples.going(tmp_path, steps=9)
    panel = panels.run(run)
    assert later(panel, clock, 0.1) is True
    problem = "The worker was killed by SIGKILL at step 9."
    samples.Clock(run.path).at(0, "end", status="failed", problem=problem, hint="Resume it.")
    assert later(panel, clock, 0.1) is False
    assert "killed by SIGKILL" in shown(panel)


@pytest.mark.process
def test_a_run_that_is_done_shows_what_its_cell_would_show(tmp_path):
    run = samples.done(tmp_path)
    panel = panels.run(run)
    assert panel.beat() is False
    assert "90.0" in shown(panel)
    assert offered(panel) == []
    pictures = bundle(run)["text/html"].count("<img")
    assert panel._made()["text/html"].count("<img") == pictures > 2


def test_any_job_has_a_panel(tmp_path):
    panel = panels.run(samples.optimized(tmp_path))
    assert is_marked(panel, "done")
    assert panel.beat() is False


def test_the_stop_button_stops_the_run_as_the_magic_does(going, monkeypatch):
    panel = panels.run(going)
    panel._stop.click()
    assert (going.path / "stop").exists()
    assert Run(going.path).status == "stopping"
    panel._pulse.stop()


def test_an_unknown_run_is_refused_with_the_nearest_name(tmp_path, monkeypatch):
    monkeypatch.setenv("LABKIT_RUNS", str(tmp_path))
    samples.done(tmp_path, "tone")
    with pytest.raises(RunError, match="There is no run 'tome'") as caught:
        panels.run("tome")
    assert caught.value.hint == "Did you mean 'tone'?"


def test_a_folder_deleted_while_it_is_watched_is_a_sentence_and_the_last_state_stays(going):
    panel = panels.run(going)
    before = panel.blocks()
    shutil.rmtree(going.path)
    assert panel._go_on() is False
    assert "is gone" in panel._said.value
    assert panel.blocks() == before


@pytest.fixture
def hour(tmp_path):
    """A run of an hour that has taken its first step, and what writes its events."""
    run = samples.going(tmp_path, steps=1, of=18_000)
    with locked(run.path):
        yield run, samples.Clock(run.path)


class Page:
    """What a kernel would send to the page: seconds and bytes of each message."""

    def __init__(self):
        self.sent = []

    def take(self, data):
        self.sent.append((time.monotonic(), len(json.dumps(data, default=str))))

    def update(self, data, **_):
        """Take a drawing of the record, as a display would."""
        self.take(data)

    @property
    def busiest(self):
        """Most messages in any second."""
        times = [at for at, _ in self.sent]
        return max(sum(at <= other < at + 1 for other in times) for at in times)


@pytest.fixture
def page(monkeypatch):
    """The page of all widgets that are made from here on."""
    import comm
    from comm.base_comm import BaseComm

    found = Page()

    class Line(BaseComm):
        def publish_msg(self, msg_type, data=None, **_):
            found.take(data)

    monkeypatch.setattr(comm, "create_comm", Line)
    return found


def minute(panel, recorder, clock, page, first):
    """Let a minute pass, beat by beat, from a step on; return the bytes sent meanwhile."""
    page.sent.clear()
    for beat in range(120):
        at = first + 5 * beat // 2
        grow(recorder, at, first + 5 * (beat + 1) // 2 - at)
        clock.now += 0.5
        assert panel._go_on() is True
    return sum(size for _, size in page.sent)


def memory():
    """Return the bytes that this process has once what is free was given back."""
    gc.collect()
    machine.give_back_memory()
    return psutil.Process().memory_info().rss


@pytest.mark.process
def test_the_last_minute_of_an_hour_at_5_steps_a_second_costs_no_more_than_the_first(
    hour, clock, page
):
    run, recorder = hour
    panel = panels.run(run)
    panel._record = page
    first = minute(panel, recorder, clock, page, 2)
    assert page.busiest <= 8
    before = memory()
    for leap in range(18):
        grow(recorder, 302 + 967 * leap, 967)
        clock.now += 193
        assert panel._go_on() is True
    tracemalloc.start()
    traced = tracemalloc.get_traced_memory()[0]
    last = minute(panel, recorder, clock, page, 17_708)
    gc.collect()
    traced = tracemalloc.get_traced_memory()[0] - traced
    tracemalloc.stop()
    assert len(run.of("step")) == 18_007
    assert page.busiest <= 8
    assert last <= 1.3 * first
    assert traced < 3 * machine.MIB  # 300 events, and what was drawn last
    assert memory() - before < 64 * machine.MIB  # the events of an hour
    start = time.process_time()
    for _ in range(10):
        assert panel._go_on() is True  # nothing is new
    assert time.process_time() - start < 0.5


def test_a_panel_changes_at_most_8_things_a_second(hour, clock):
    run, recorder = hour
    panel, sent = panels.run(run), []
    watch(panel.root, lambda size: sent.append(clock.now))
    for half in range(40):
        grow(recorder, 3 * half + 2, 3)
        clock.now += 0.5
        assert panel._go_on() is True
    later(panel, clock)
    assert "step 121/18000" in shown(panel)
    assert max(sum(at <= other < at + 1 for other in sent) for at in sent) <= 8


def grow(recorder, first, n):
    """Record `n` steps of 0.2 s at once."""
    lines = []
    for step in range(first, first + n):
        recorder.now += 0.2
        lines.append(json.dumps({
            "time": recorder.now, "kind": "step", "step": step, "max_steps": 18_000,
            "loss": samples.loss_at(step), "learning_rate": 4e-4, "grad_norm": 1.3, "tokens": 16,
            "n_tokens": 376, "seconds": 0.2,
        }))  # fmt: skip
    with recorder._file.open("a") as stream:
        stream.write("\n".join(lines) + "\n")


def watch(widget, tell):
    """Tell of each change of a widget, and of all beneath it, its size in characters."""
    widget.observe(lambda change: tell(len(str(change["new"]))))
    for child in getattr(widget, "children", ()):
        watch(child, tell)
