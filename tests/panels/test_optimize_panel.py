"""The panel of an export, without a page: what it asks for, the ladder as it is climbed."""

import re

import pytest
import report_samples as samples

import labkit
from labkit import panels
from labkit.errors import RunError
from labkit.files import locked
from labkit.flags import settings_of
from labkit.notebook.cells import split_line
from labkit.options import MAGICS
from labkit.run import create
from labkit.spec import OptimizeSpec


@pytest.fixture
def tone(tmp_path, monkeypatch):
    monkeypatch.setenv("LABKIT_RUNS", str(tmp_path))
    return samples.done(tmp_path)


def box(panel, precision):
    return panel.settings._precisions[precision]


def rungs(panel):
    """Return what each card says, blanks made single, by its heading."""
    found = re.findall(r'<li class="([^"]*)">(.*?)</li>', panel._rungs.value)
    texts = [(kind, " ".join(re.sub(r"<[^>]+>", " ", html).split())) for kind, html in found]
    return {text.split()[0]: (kind, text) for kind, text in texts}


def beneath(panel):
    return "\n".join(place.value for place in panel._rest.widget.children)


def asked_by(line):
    """Return the settings that a line magic reads."""
    args = MAGICS["optimize"]().parse_args(split_line(line.removeprefix("%optimize ")))
    return OptimizeSpec.from_mapping(settings_of(args, OptimizeSpec))


def test_the_lines_ask_for_what_the_controls_show(tone):
    panel = panels.optimize("tone")
    box(panel, "int4").value = True
    controls = panel.settings.controls
    controls["max_kl"].set(0.1)
    controls["int4"].set("repaired")
    controls["tune"].set("60s")
    controls["accept"].set(True)
    wanted = OptimizeSpec(run="tone", precision=("int8", "int4"), max_kl=0.1, int4="repaired",
                          tune="60s", accept=True)  # fmt: skip
    assert asked_by(panel.settings.line("cell")) == wanted
    command = panel.settings.line("command").removeprefix("labkit optimize ")
    assert asked_by(command) == wanted
    program = panel.settings.line("program").removeprefix("labkit.optimize")
    given = eval(f"(lambda run, **how: {{'run': run, **how}}){program}")
    assert OptimizeSpec.from_mapping(given) == wanted


def test_a_wrong_value_says_what_the_cell_would_say_and_nothing_can_be_started(tone):
    panel = panels.optimize("tone")
    panel.settings.controls["max_kl"].set(-1)
    said = panel.settings.controls["max_kl"]._said.value
    with pytest.raises(labkit.LabError) as caught:
        OptimizeSpec(run="tone", max_kl=-1.0)
    assert caught.value.problem in said
    assert panel._start.disabled
    panel.settings.controls["max_kl"].set(0.1)
    assert not panel._start.disabled
    box(panel, "int8").value = False
    assert panel._start.disabled
    assert "precision must be" in panel.settings._wrong.value


def test_a_target_that_is_not_installed_says_what_brings_it(tone):
    panel = panels.optimize("tone")
    panel.settings.controls["target"].set("directml")
    said = panel.settings.controls["target"]._said.value
    assert "directml" in said
    assert "Linux" in said or "Windows" in said or "pip install" in said
    assert panel._start.disabled
    assert "cpu – installed" in dict(panel.settings.controls["target"].field.options)


def test_settings_of_int4_are_shown_where_int4_is_asked_for(tone):
    panel = panels.optimize("tone")
    assert not panel.settings.controls["int4"].is_shown
    box(panel, "int4").value = True
    assert panel.settings.controls["int4"].is_shown


def test_before_there_is_an_export_the_record_says_how_to_ask_for_it(tone):
    panel = panels.optimize("tone")
    (facts,) = panel.blocks()
    assert ("cell", "%optimize tone --precision int8") in facts.items
    assert rungs(panel)["int8"][1] == "int8 not made ONNX Runtime"
    assert panel.beat() is False


def test_a_done_ladder_shows_the_chosen_rung_by_a_sign_and_why_one_was_refused(tone, tmp_path):
    samples.optimized(tmp_path)
    panel = panels.optimize("tone/onnx")
    assert panel.run.path == tone.path
    found = rungs(panel)
    assert list(found) == ["base", "adapter", "merged", "fp32", "int8", "int4"]
    kind, text = found["int8"]
    assert "labkit-chosen" in kind
    # 64.2 ms in PyTorch for 10.7 ms: 6.0
    assert text == (
        "int8 ★ ✓ passed ★ the model size 154 MiB per token 10.7 ms than PyTorch 6.0 × "
        "KL 0.0046 same token 95.9 % accuracy 89.2 %"
    )
    assert "✗ refused" in found["int4"][1]
    assert "must be at most 0.05 nats per token; got 0.35" in beneath(panel)
    assert "--int4 repaired" in beneath(panel)
    assert beneath(panel).count("data:image/svg+xml") == 2
    assert panel.settings.precisions == ("fp32", "int8", "int4")  # those of the export
    assert "labkit-is-done" in panel.root._dom_classes


def beat(panel):
    """Beat by hand, as the panel's own thread does: not while it does."""
    with panel._lock:
        return panel.beat()


def test_the_ladder_fills_in_rung_by_rung_while_a_worker_climbs_it(tone, tmp_path, clock):
    spec = OptimizeSpec(run="tone", precision=("fp32", "int8"))
    run = create("tone/onnx", "optimize", spec, root=tmp_path)
    recorder, found = samples.Clock(run.path), samples.export_metrics()["rungs"]
    with locked(run.path):
        recorder.at(0.1, "start", pid=1, resumed=False)
        recorder.at(0.1, "stage", name="check fp32")
        recorder.at(0.1, "rung", name="base", **found["base"])
        panel = panels.optimize("tone")
        assert beat(panel) is True
        assert [panel._start.disabled, panel._stop.disabled] == [True, False]
        assert rungs(panel)["fp32"][1] == "fp32 … check fp32 ONNX Runtime"
        assert rungs(panel)["int8"][1] == "int8 … to come ONNX Runtime"
        recorder.at(0.1, "rung", name="fp32", **found["fp32"])
        clock.now += 60
        assert beat(panel) is True
        assert "✓ passed" in rungs(panel)["fp32"][1]
        panel._stop.click()
        assert (run.path / "stop").exists()
    recorder.at(0.1, "end", status="stopped")
    clock.now += 60
    assert beat(panel) is False
    assert [panel._start.disabled, panel._stop.disabled] == [False, True]
    panel._pulse.stop()


def test_a_start_that_is_refused_is_a_sentence_in_the_panel(tmp_path, monkeypatch):
    monkeypatch.setenv("LABKIT_RUNS", str(tmp_path))
    samples.going(tmp_path, status="stopped")
    panel = panels.optimize("tone")
    panel._start.click()
    assert "has learned nothing to optimise" in panel._said.value


def test_an_unknown_run_is_refused_with_the_nearest_name(tone):
    with pytest.raises(RunError, match="There is no run 'tome'") as caught:
        panels.optimize("tome")
    assert caught.value.hint == "Did you mean 'tone'?"
