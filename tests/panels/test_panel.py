"""What all panels share: where they show, when they end, what they do with an error."""

import threading
import time

import pytest

from labkit.errors import RunError
from labkit.panels.panel import Panel
from labkit.panels.pulse import Pulse
from labkit.report.blocks import Facts


class Counting(Panel):
    """Counts its beats; ends after some, or with an error."""

    def __init__(self, beats=3, error=None):
        super().__init__("counting", [])
        self.count, self._beats, self._error = 0, beats, error

    def blocks(self):
        return [Facts("", (("beats", str(self.count)),))]

    def beat(self):
        self.count += 1
        if self._error:
            raise self._error
        return self.count < self._beats


class Page:
    """What a front end shows: an output for each display, changed by its id."""

    def __init__(self):
        self.outputs = []

    def publish(self, data, metadata=None, *, transient=None, update=False, **_):
        shown = transient and transient.get("display_id")
        if update:
            for at, (other, _) in enumerate(self.outputs):
                if other == shown:
                    self.outputs[at] = (other, data)
        else:
            self.outputs.append((shown, data))

    def html(self):
        return [data["text/html"] for _, data in self.outputs if "text/html" in data]


@pytest.fixture
def page(shell, monkeypatch):
    found = Page()
    monkeypatch.setattr(shell.display_pub, "publish", found.publish)
    monkeypatch.setattr(type(shell), "initialized", lambda: True)
    monkeypatch.setattr(type(shell), "instance", lambda: shell)
    return found


def until(holds):
    deadline = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_controls_and_record_are_two_outputs_and_the_record_is_drawn_again_at_the_end(page):
    panel = Counting()
    panel._ipython_display_()
    (_, controls), (_, record) = page.outputs
    assert "application/vnd.jupyter.widget-view+json" in controls
    assert "text/html" not in controls
    assert set(record) == {"text/html", "text/plain"}
    until(lambda: ">3<" in page.html()[0])


def test_a_panel_shown_twice_keeps_both_records_the_same(page):
    panel = Counting(beats=2)
    panel._ipython_display_()
    panel._ipython_display_()
    until(lambda: panel.count >= 2 and page.html()[0] == page.html()[1])
    assert len(page.outputs) == 4


def test_the_record_is_drawn_every_5_seconds_while_something_goes_on(page, clock):
    panel = Counting(beats=10**6)
    panel._ipython_display_()
    until(lambda: panel.count >= 1)
    panel._pulse.stop()
    drawn = []
    for _ in range(20):
        clock.now += 1
        panel._go_on()
        drawn.append(page.html()[0])
    assert len(set(drawn)) in (4, 5)


def test_closing_keeps_the_record_and_takes_the_controls(page):
    panel = Counting(beats=10**6)
    panel._ipython_display_()
    until(lambda: panel.count >= 1)
    panel.close()
    count = panel.count
    assert f">{count}<" in page.html()[0]
    assert panel.root.comm is None


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (RunError("The folder is gone.", hint="Look elsewhere."), "The folder is gone. Look"),
        (
            ZeroDivisionError("by 0"),
            "This panel does not go on: ZeroDivisionError(&#x27;by 0&#x27;)",
        ),
    ],
)
def test_an_error_while_drawing_is_a_sentence_in_the_panel_and_ends_it(error, said):
    panel = Counting(error=error)
    assert panel._go_on() is False
    assert said in panel._said.value
    assert 'role="alert"' in panel._said.value


def test_where_a_page_does_not_show_threads_the_cell_follows_to_the_end(page, monkeypatch):
    monkeypatch.setenv("COLAB_RELEASE_TAG", "release-colab-20261120")
    monkeypatch.setattr("labkit.panels.panel.EVERY", 0.01)
    panel, before = Counting(), threading.active_count()
    panel._ipython_display_()
    assert panel.count == 3
    assert ">3<" in page.html()[0]
    assert threading.active_count() == before


def test_the_interrupt_key_frees_a_cell_that_follows_and_is_no_error(page, monkeypatch):
    monkeypatch.setenv("COLAB_RELEASE_TAG", "release-colab-20261120")
    panel = Counting(error=KeyboardInterrupt())
    panel._ipython_display_()
    assert panel.count == 1


def test_a_pulse_asked_for_while_its_last_call_goes_on_calls_once_more():
    inside, go, calls = threading.Event(), threading.Event(), []

    def beat():
        calls.append(1)
        inside.set()
        go.wait(10)
        return False

    pulse = Pulse(beat, every=0.01)
    pulse.start()
    assert inside.wait(10)
    pulse.start()
    go.set()
    until(lambda: len(calls) == 2)
    time.sleep(0.1)
    assert len(calls) == 2
