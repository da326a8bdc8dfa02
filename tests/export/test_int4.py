"""int4 in the ladder: the cheapest way that passes, and what is told on the way."""

import numpy as np
import pytest
from here import Here
from runs import tuned

from labkit.errors import ExportError
from labkit.export import Gates, HeldOut, Request, Tuned, climb
from labkit.export.int4 import methods_for
from labkit.runtime import OnnxModel


def test_without_training_rows_there_is_nothing_to_calibrate_on(tiny_folder):
    whole = Tuned(tiny_folder)
    assert methods_for(whole, "auto", [[5, 6]]) == ("k_quant", "gptq", "repaired")
    assert methods_for(whole, "gptq", [[5, 6]]) == ("gptq",)
    assert methods_for(whole, "auto", []) == ("k_quant",)
    with pytest.raises(ExportError, match=r"by repaired .*: there are no training rows"):
        methods_for(whole, "repaired", [])


def test_a_way_that_memory_cannot_hold_is_left_out_or_refused(tiny_folder, monkeypatch):
    size = (tiny_folder / "model.safetensors").stat().st_size
    monkeypatch.setattr("labkit.export.int4.memory_limit", lambda: 4 * size)
    whole = Tuned(tiny_folder)
    assert methods_for(whole, "auto", [[5, 6]]) == ("k_quant", "gptq")
    with pytest.raises(ExportError, match=r"needs about 0\.0 GiB of memory") as refused:
        methods_for(whole, "repaired", [[5, 6]])
    assert "--int4 gptq" in refused.value.hint


@pytest.fixture(scope="module")
def climbed(tiny_folder, tmp_path_factory, rows):
    """A climb to int4 whose gate nothing passes, so that every way is tried."""
    run = tuned(tiny_folder, tmp_path_factory.mktemp("tuned"), "lora", r=4)
    draw = np.random.default_rng(2)
    learned = [[*rows[0][:9], *draw.integers(3, 256, 8).tolist()] for _ in range(12)]
    held_out = HeldOut(rows * 5, text=[draw.integers(3, 256, 40).tolist()], learned=learned)
    out, events = tmp_path_factory.mktemp("runs") / "tone" / "onnx", []
    request = Request(("int4",), gates=Gates(max_kl=1e-9, min_top1=0.0), accept=True)
    with pytest.MonkeyPatch.context() as patch:  # the real number takes a quarter of an hour
        Here().put(patch)
        patch.setattr("labkit.export.int4.N_STEPS", 40)
        patch.setattr("labkit.export.int4.N_IN_PART", 20)
        result = climb(
            run, out, request, held_out=held_out, emit=lambda kind, **of: events.append((kind, of))
        )
    return out, result, events


@pytest.mark.process
def test_every_way_is_tried_until_one_passes(climbed):
    _, _, events = climbed
    tried = [of["how"]["method"] for _, of in events if "how" in of and of["name"] == "int4"]
    assert tried == ["k_quant", "gptq", "repaired"]


@pytest.mark.process
def test_a_long_way_tells_how_far_it_is(climbed):
    _, _, events = climbed
    parts = {of["name"]: (of["done"], of["total"]) for kind, of in events if kind == "stage"}
    assert parts["gptq: rounding"][1] == 2
    assert parts["repair from 20: repair"][1] == 40
    assert parts["repair from 20: repair"][0] > 20


@pytest.mark.process
def test_what_merging_took_is_told_apart_from_the_answers_that_all_is_compared_with(climbed):
    _, result, _ = climbed
    took, peak = result["seconds"], result["peak_bytes"]
    assert took["merge"] > 0 < took["answer"]
    assert "merge" in peak
    assert "answer" not in peak


@pytest.mark.process
def test_the_last_way_is_kept_with_what_it_did(climbed):
    out, result, _ = climbed
    rung = result["rungs"]["int4"]
    assert (rung["verdict"], result["chosen"]) == ("accepted", "int4")
    assert rung["reasons"][0].startswith("The mean KL of int4 must be at most 1e-09")
    assert len(rung["how"]["losses"]) == rung["how"]["n_steps"] == 40
    assert len(rung["how"]["sensitivity"]) == 8  # four units in each of two layers
    assert len(OnnxModel(out / "int4", threads=1).generate([5, 6, 7], 4)) == 4


@pytest.mark.process
def test_what_was_trained_reaches_the_graph(climbed):
    _, _, events = climbed
    found = [of["held_out"]["kl"] for _, of in events if "how" in of and of["name"] == "int4"]
    _, rounded, repaired = found
    assert repaired < rounded
