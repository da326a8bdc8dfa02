"""Adapters beside a base: what each answers is scored and judged; a stop repeats no step."""

from dataclasses import replace

import pytest
from here import Here
from runs import tuned

from labkit.errors import ExportError
from labkit.export import Gates, HeldOut
from labkit.export.adapters import Addition, Sharing, share
from labkit.export.adapters.base import refused_base, verdict
from labkit.runtime.folder import section

pytestmark = [
    pytest.mark.process,
    pytest.mark.filterwarnings("ignore:Adapter 'default'. .* have invalid shape"),
]

LABELS = {"a": [5], "b": [6, 7], "c": [8]}
GATES = Gates(max_kl=0.05, min_top1=0.0)


class Stop(Exception):
    """What a listener raises to end the work."""


def likeliest(model, prompts):
    """Return the label of each prompt whose tokens are the likeliest, by plain forward passes."""
    import torch

    def score(prompt, tokens):
        with torch.inference_mode():
            said = model(torch.tensor([[*prompt, *tokens]])).logits[0].log_softmax(-1)
        return sum(float(said[len(prompt) - 1 + i, t]) for i, t in enumerate(tokens))

    return [max(LABELS, key=lambda label: score(row, LABELS[label])) for row in prompts]


def another(label):
    return "b" if label == "a" else "a"


@pytest.fixture(scope="module")
def additions(tiny_folder, tmp_path_factory, rows):
    """Two runs: of twenty labels PEFT's `tone` has two wrong; `kinds` claims to have all right."""
    folder = tmp_path_factory.mktemp("runs")
    runs = {name: tuned(tiny_folder, folder / name, r=r) for name, r in (("tone", 4), ("kinds", 2))}
    prompts = [[*row, token] for row in rows for token in (9, 40, 77, 120, 200)]
    said = {name: likeliest(run.load(), prompts) for name, run in runs.items()}
    gold = {
        "tone": [*map(another, said["tone"][:2]), *said["tone"][2:]],
        "kinds": [*map(another, said["kinds"][:10]), *said["kinds"][10:]],
    }
    recorded = {"tone": {}, "kinds": {"adapter": gold["kinds"]}}
    return [
        Addition(
            name,
            run,
            HeldOut(
                prompts, list(LABELS.values()), list(LABELS), gold[name], recorded=recorded[name]
            ),
        )
        for name, run in runs.items()
    ]


class Export:
    """A base's export with its adapters, asked for again and again."""

    def __init__(self, asked, out, steps):
        self.asked, self.out, self.steps, self.stages = asked, out, steps, []

    def __call__(self, until=None):
        self.stages.clear()

        def emit(kind, **values):
            if kind == "stage":
                self.stages.append(values["name"])
            if values.get("name") == until:
                raise Stop

        return share(self.asked, self.out, emit=emit)

    @property
    def made(self):
        """When each graph was written, each answer of PyTorch and each comparison with it."""
        files = [*self.out.glob("work/*/model.onnx"), *self.out.glob("work/answers/*/*")]
        times = {path: path.stat().st_mtime_ns for path in files}
        return {str(path.relative_to(self.out / "work")): time for path, time in times.items()}


@pytest.fixture(scope="module")
def export(tiny_folder, additions, tmp_path_factory):
    asked = Sharing(tiny_folder, "tiny", additions, ("fp32", "int8"), GATES)
    with pytest.MonkeyPatch.context() as patch:
        yield Export(asked, tmp_path_factory.mktemp("export"), Here().put(patch))


@pytest.fixture(scope="module")
def first(export):
    """What was found of both adapters, after two stops."""
    with pytest.raises(Stop):
        export(until="measure")
    made = export.made
    assert {"full/model.onnx", "fp32/model.onnx", "int8/model.onnx"} <= set(made)
    assert sum(name.endswith("/int8.json") for name in made) == 3  # of the base and of each
    with pytest.raises(Stop):
        export(until="measure")
    assert export.made == made  # no step was done twice
    assert {path.name for path in export.out.iterdir()} == {"export.log", "work"}
    return export()


def test_what_was_stopped_goes_on_and_tells_what_every_step_took(export, first):
    assert export.stages == ["answer", "export", "quantize", "adapters", "measure"]
    names = {path.name for path in export.out.iterdir()}
    assert names == {"export.log", "fp32", "int8"}
    steps = {"answer", "export", "quantize int8", "check int8", "check adapters in int8"}
    assert steps | {"measure int8"} <= set(first["seconds"]) & set(first["peak_bytes"])
    assert set(first["latency"]["int8"]) == {"plain", "none", "tone"}


def test_each_adapters_answers_are_scored_beside_those_of_pytorch(first):
    tone = first["adapters"]["tone"]
    theirs, ours = tone["torch"]["metric"], tone["fp32"]["metric"]
    assert (theirs["name"], theirs["value"], theirs["n"]) == ("accuracy", 18 / 20, 20)
    assert (ours["value"], ours["lost"], ours["n"]) == (18 / 20, 0.0, 20)
    low, high = ours["interval"]
    assert low < 18 / 20 < high
    assert tone["int8"]["metric"]["value"] >= 16 / 20  # rounding flips a close call at most


def test_an_adapter_that_loses_its_metric_is_refused_and_the_other_stays(export, first):
    kinds = first["adapters"]["kinds"]
    assert kinds["torch"]["metric"]["value"] == 1.0  # as the run has it on record
    assert kinds["fp32"]["verdict"] == "passed"  # judged by its logits alone
    assert kinds["int8"]["verdict"] == "refused"
    assert "int8 may lose 0.02 of accuracy; it lost 0." in kinds["int8"]["reasons"][0]
    assert set(section(export.out / "int8", "adapters")) == {"tone"}


def test_other_gates_judge_the_adapters_that_are_there_without_asking_a_model(export, first):
    export.steps.done.clear()
    tight = replace(
        export.asked,
        additions=[a for a in export.asked.additions if a.name == "tone"],
        precisions=("int8",),
        gates=Gates(max_kl=1e-9),
        accept=True,
    )
    accepted = share(tight, export.out, emit=ignored)["adapters"]["tone"]["int8"]
    assert accepted["verdict"] == "accepted"
    assert accepted["reasons"][0].startswith("The mean KL of int8 must be at most 1e-09")
    assert set(section(export.out / "int8", "adapters")) == {"tone"}
    with pytest.raises(ExportError, match="tone: The mean KL of int8 must be at most 1e-09"):
        share(replace(tight, accept=False), export.out, emit=ignored)
    assert section(export.out / "int8", "adapters") == {}
    assert set(section(export.out / "fp32", "adapters")) == {"tone", "kinds"}
    assert export.steps.done == []


def ignored(kind, **values):
    """An event that nobody listens to."""


def test_a_base_beyond_its_gate_is_refused_with_the_number(tmp_path):
    asked = Sharing(tmp_path, "tiny", (), ("int4",), GATES)
    found = {"kl": 0.35, "top1_agreement": 0.66}
    refused = {"int4": verdict("int4", {"held_out": found}, asked)}
    assert refused["int4"]["verdict"] == "refused"
    with pytest.raises(ExportError, match=r"The base in int4 is beyond its gate\. The mean"):
        raise refused_base(refused)
