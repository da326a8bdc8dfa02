"""The whole way from a tuned model to the smallest ONNX model that passes; steps are not redone."""

import json

import numpy as np
import pytest
from here import Here
from runs import tuned

from labkit.errors import ExportError
from labkit.export import Gates, HeldOut, Request, climb, compare_logits
from labkit.export.torch_model import TorchModel
from labkit.runtime import OnnxModel

pytestmark = [
    pytest.mark.process,
    pytest.mark.filterwarnings("ignore:Adapter 'default'. .* have invalid shape"),
]

LOOSE = Gates(max_kl=1.0, min_top1=0.0)


class Stop(Exception):
    """What a listener raises to end a climb."""


class Climb:
    """A tuned model, the folder of its export, and what was told on the way."""

    def __init__(self, run, out, held_out, steps):
        self.run, self.out, self.held_out, self.steps = run, out, held_out, steps
        self.events = []

    def __call__(self, *precisions, until=None, **asked):
        self.events.clear()

        def emit(kind, **values):
            self.events.append((kind, values))
            if values.get("name") == until:
                raise Stop

        request = Request(precisions, **asked)
        return climb(self.run, self.out, request, held_out=self.held_out, emit=emit)

    @property
    def stages(self):
        return [values["name"] for kind, values in self.events if kind == "stage"]


@pytest.fixture(scope="module")
def ladder(tiny_folder, tmp_path_factory, rows):
    """A run with bottleneck adapters, and its export."""
    run = tuned(tiny_folder, tmp_path_factory.mktemp("tuned"), "adapter", r=8)
    text = [np.random.default_rng(1).integers(3, 256, 40).tolist()]
    held_out = HeldOut(rows * 5, [[5], [6, 7], [8]], ["a", "b", "c"], ["a"] * 20, text=text)
    out = tmp_path_factory.mktemp("runs") / "tone" / "onnx"
    with pytest.MonkeyPatch.context() as patch:
        yield Climb(run, out, held_out, Here().put(patch))


@pytest.fixture(scope="module")
def first(ladder):
    """What the first climb found; it was stopped before it measured, and went on."""
    with pytest.raises(Stop):
        ladder("int8", gates=LOOSE, until="measure")
    assert ladder.stages == ["answer", "export", "check fp32", "quantize int8", "check int8",
                             "measure"]  # fmt: skip
    assert sorted(path.name for path in ladder.out.iterdir()) == ["export.log", "work"]
    ladder.made = (ladder.out / "work" / "int8" / "model.onnx").stat().st_mtime_ns
    assert ladder.steps.done == ["steps.reference", "steps.insert", "steps.check",
                                 "steps.quantize", "steps.check"]  # fmt: skip
    ladder.steps.done.clear()
    result = ladder("int8", gates=LOOSE)
    assert ladder.steps.done == []  # no step was done twice
    (ladder.out / "metrics.json").write_text(json.dumps(result))  # as the job does
    return result


def test_a_stopped_ladder_goes_on_where_it_was(ladder, first):
    assert (ladder.out / "int8" / "model.onnx").stat().st_mtime_ns == ladder.made
    assert not (ladder.out / "work").exists()
    assert not (ladder.out / "fp32").exists()
    assert len(OnnxModel(ladder.out / "int8", threads=1).generate([5, 6, 7], 4)) == 4


def test_the_result_holds_every_rung_with_what_was_found(first):
    assert list(first["rungs"]) == ["base", "adapter", "fp32", "int8"]  # a bottleneck never merges
    assert (first["chosen"], first["target"], first["n_rows"]) == ("int8", "cpu", 20)
    base, adapter, fp32, int8 = first["rungs"].values()
    assert base["held_out"]["kl"] > 0.01 > 1e-6 > fp32["held_out"]["kl"]
    assert fp32["held_out"]["first_difference"] is None
    assert fp32["how"] == {"bottlenecks": 4}
    assert int8["how"]["embedding"] == "read from the int8 head"
    assert (adapter["verdict"], int8["verdict"], int8["reasons"]) == ("reference", "passed", [])
    assert first["gates"] == {"int8": {"max_kl": 1.0, "min_top1": 0.0, "max_drop": 0.02}}
    assert adapter["metric"]["value"] == fp32["metric"]["value"]
    assert int8["metric"]["n"] == 20
    assert set(int8["text"]) == {"max_abs_logit_diff", "kl", "top1_agreement", "perplexity_ratio",
                                 "n_tokens"}  # fmt: skip
    assert int8["size_bytes"] < fp32["size_bytes"]
    assert {"answer", "export", "quantize int8", "check int8"} <= set(first["seconds"])


def test_pytorch_and_the_rung_asked_for_are_measured(first):
    timed = {name for name, rung in first["rungs"].items() if "latency" in rung}
    assert timed == {"adapter", "int8"}
    for name in timed:
        latency = first["rungs"][name]["latency"]
        assert latency["n_tokens"] == 2 * 32
        assert all(value > 0 for value in latency.values())


def test_distances_are_those_of_models_in_this_process(ladder, first, rows):
    model = ladder.run.load()
    with model.disable_adapter():
        base = compare_logits(ladder.run.load(), TorchModel(model), rows)
    picked = first["rungs"]["base"]["held_out"]
    assert picked["kl"] == pytest.approx(base.kl, rel=0.2)  # eight rows of these, not each once
    int8 = OnnxModel(ladder.out / "int8", threads=1)
    text = compare_logits(model, int8, ladder.held_out.text)
    kept = first["rungs"]["int8"]["text"]
    assert kept["kl"] == pytest.approx(text.kl, rel=1e-3)
    assert kept["perplexity_ratio"] == pytest.approx(text.perplexity_ratio, rel=1e-3)


def test_the_folder_says_what_it_is(ladder, first):
    facts = json.loads((ladder.out / "int8" / "optimize.json").read_text())
    assert facts["rungs"] == first["rungs"]
    assert (facts["name"], facts["precision"]) == ("tone-int8", "int8")
    assert {"SHA256SUMS", "labkit.json", "tokenizer.json"} <= {
        path.name for path in (ladder.out / "int8").iterdir()
    }


def test_other_gates_judge_what_is_there_and_make_nothing(ladder, first):
    ladder.steps.done.clear()
    found = ladder("int8", gates=Gates(max_kl=1e-9), accept=True)
    assert ladder.stages == []
    assert found["rungs"]["int8"]["verdict"] == "accepted"
    assert found["rungs"]["int8"]["reasons"][0].startswith("The mean KL of int8 must be at most")
    assert found["rungs"]["int8"]["latency"] == first["rungs"]["int8"]["latency"]
    assert found["rungs"]["fp32"] == first["rungs"]["fp32"]
    assert ladder.steps.done == []
    with pytest.raises(ExportError, match="at most 1e-09 nats per token; got") as error:
        ladder("int8", gates=Gates(max_kl=1e-9))
    assert error.value.hint.startswith("Use precision fp32, which passes with a KL of")


def test_a_refused_precision_names_the_nearest_that_passes(ladder, first):
    limit = first["rungs"]["int8"]["held_out"]["kl"] * 1.01
    with pytest.raises(ExportError, match="The mean KL of int4 must be") as error:
        ladder("int4", gates=Gates(max_kl=limit, min_top1=0.0))
    assert error.value.hint.startswith("Use precision int8, which passes with a KL of")
    assert not (ladder.out / "int4").exists()
    assert (ladder.out / "work" / "int4").is_dir()  # kept for --accept
    assert (ladder.out / "int8" / "model.onnx").stat().st_mtime_ns == ladder.made


def test_other_weights_are_exported_anew(ladder, first):
    file = ladder.run.learned / "adapter_model.safetensors"
    whole = file.read_bytes()
    file.write_bytes(whole[:-4] + b"\0\0\0\0")
    with pytest.raises(Stop):
        ladder("int8", gates=LOOSE, until="quantize int8")
    assert "export" in ladder.stages
    file.write_bytes(whole)
