"""`%optimize BASE --adapters …` as its user sees it: one base, exported once, adapters added."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from runs import tuned

from labkit import api, cli, report
from labkit.errors import CatalogError, ExportError, RunError, SpecError
from labkit.export import HeldOut
from labkit.export.adapters import Addition, Sharing, share
from labkit.export.torch_model import TorchModel
from labkit.flags import settings_of
from labkit.options import MAGICS
from labkit.report import SilentView
from labkit.run import Recorder, Run, create
from labkit.runtime import OnnxModel
from labkit.runtime.folder import section
from labkit.spec import FinetuneSpec, OptimizeSpec

pytestmark = pytest.mark.filterwarnings("ignore:Adapter 'default'. .* have invalid shape")

RUNS = {
    "tone": {"r": 4},
    "kinds": {
        "r": 2,
        "target_modules": ("q_proj", "down_proj"),
        "text_template": "{text} is {kind}",
    },
    "late": {"r": 3, "last_layers": 1},
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("workplace")


def learned(name, settings, **changes):
    """Make what a fine-tuning leaves, its weights drawn at random."""
    spec = FinetuneSpec(**settings | changes)
    run = create(name, "finetune", spec)
    given = {key: value for key, value in changes.items() if key != "text_template"}
    tuned(settings["model"], run.path, **given)
    Recorder(run.path).emit("end", status="done")
    return run


def state(run, precision):
    """Return which file the base's weights are, and when they were written."""
    stat = (run.path / precision / "model.onnx.data").stat()
    return stat.st_ino, stat.st_mtime_ns


def put(base, names, precision, **settings):
    asked = {"precision": precision, "limit": 6, "view": SilentView()}
    return api.optimize(base, adapters=names, **asked | settings)


@pytest.fixture(scope="module")
def made(folder, settings):
    """Two runs beside their base, in fp32 and int8; then a third in int8 by the command line."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.delenv("LABKIT_RUNS", raising=False)
        runs = {name: learned(name, settings, **changes) for name, changes in RUNS.items()}
        first = put(settings["model"], ("tone", "kinds"), ("fp32", "int8"))
        found = {"first": first.metrics, "before": {p: state(first, p) for p in ("fp32", "int8")}}
        line = ["--adapters", "late", "--precision", "int8", "--limit", "6"]
        cli.main(["optimize", settings["model"], *line])
        return {"run": first, "runs": runs, **found}


@pytest.fixture
def place(made, workplace):
    return made


@pytest.mark.process
def test_each_adapter_is_compared_with_peft_and_the_base_with_itself(place):
    found, run = place["first"], place["run"]
    assert (run.name, run.job, run.status) == ("tiny/onnx", "optimize", "done")
    assert list(found["rungs"]) == ["base", "fp32", "int8"]
    assert set(found["adapters"]) == {"tone", "kinds"}
    for of in (found["rungs"], found["adapters"]["tone"], found["adapters"]["kinds"]):
        assert of["fp32"]["held_out"]["max_abs_logit_diff"] < 1e-3
        assert of["fp32"]["held_out"]["first_difference"] is None
        assert 0 < of["int8"]["held_out"]["kl"] < 0.05
        assert {of[name]["verdict"] for name in ("fp32", "int8")} == {"passed"}
    for of in found["adapters"].values():
        assert of["fp32"]["metric"]["value"] == of["torch"]["metric"]["value"]
        assert of["int8"]["metric"]["n"] == 6  # all that --limit lets
    assert [found["adapters"][name]["r"] for name in ("tone", "kinds")] == [4, 2]
    assert found["chosen"] == "int8"


@pytest.mark.process
def test_what_a_token_costs_is_measured_with_and_without_adapters(place):
    for of in place["first"]["latency"].values():
        assert set(of) == {"plain", "none", "tone", "kinds"}
        assert all(0 < seconds < 1 for times in of.values() for seconds in times.values())
    card = (place["run"].path / "int8" / "README.md").read_text().split("What an adapter costs")[1]
    assert all(f"| {name} |" in card for name in ("base, none switched on", "tone", "kinds"))
    assert "What an adapter costs" in report.text(Run("tiny/onnx"))


@pytest.mark.process
def test_a_later_adapter_leaves_the_base_and_the_others_alone(place):
    run = Run(place["run"].path)
    assert {p: state(run, p) for p in ("fp32", "int8")} == place["before"]
    assert set(run.metrics["adapters"]) == {"tone", "kinds", "late"}
    assert run.metrics["rungs"] == place["first"]["rungs"]
    for name in ("tone", "kinds"):
        assert run.metrics["adapters"][name] == place["first"]["adapters"][name]
    assert run.metrics["adapters"]["late"]["int8"]["verdict"] == "passed"
    assert not (run.path / "work").exists()


@pytest.mark.process
def test_the_folder_answers_as_each_run_does_and_says_how_to_ask(place):
    run, rows = place["run"], [[5, 9, 30, 7, 12], [80, 4, 4, 61]]
    model = OnnxModel(run.path / "fp32", threads=1)
    assert model.adapters == ("tone", "kinds")
    assert OnnxModel(run.path / "int8", threads=1).adapters == ("tone", "kinds", "late")
    for name in model.adapters:
        from labkit.training import load_tuned

        tuned_run = place["runs"][name]
        base = Path(tuned_run.spec.model)
        torch = TorchModel(load_tuned(base, tuned_run.learned, tuned_run.spec))
        for row in rows:
            difference = np.abs(torch.logits(row)[0] - model.using(name).logits(row)[0])
            assert difference.max() < 1e-3
    said = section(run.path / "int8", "adapters")
    assert said["kinds"]["run"] == "kinds"
    assert said["kinds"]["task"] == "classification"
    pieces = {name: json.dumps(said[name]["prompt"]) for name in ("tone", "kinds")}
    assert "word: " in pieces["tone"]
    assert " is" in pieces["kinds"]
    assert "adapters/kinds.onnx_adapter" in (run.path / "int8" / "SHA256SUMS").read_text()


@pytest.mark.process
def test_a_loss_beyond_the_gate_refuses_an_adapter_and_accept_replaces_it(place, settings):
    run, kinds = place["run"], place["runs"]["kinds"]
    before = section(run.path / "int8", "adapters")
    shutil.rmtree(kinds.path / "adapter")
    other = tuned(settings["model"], kinds.path / "again", r=8, seed=3)
    shutil.move(other.learned, kinds.path / "adapter")
    with pytest.raises(ExportError, match="kinds: The mean KL of int8 must be at most 1e-09"):
        put(settings["model"], ("kinds",), ("int8",), max_kl=1e-9)
    assert "kinds" not in section(run.path / "int8", "adapters")
    again = put(settings["model"], ("kinds", "tone"), ("int8",), max_kl=1e-9, accept=True)
    for name in ("kinds", "tone"):  # the one that was there is judged by these gates too
        assert again.metrics["adapters"][name]["int8"]["verdict"] == "accepted"
    after = section(run.path / "int8", "adapters")
    assert (before["kinds"]["r"], after["kinds"]["r"]) == (2, 8)
    assert before["tone"] == after["tone"]
    assert "kinds" in OnnxModel(run.path / "int8", threads=1).adapters


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"method": "dora"}, "DoRA scales each column"),
        ({"method": "ia3", "learning_rate": 1e-2}, "its type is IA3"),
        ({"method": "adapter", "learning_rate": 1e-2}, "bottleneck bends"),
        ({"method": "prompt_tuning", "learning_rate": 1e-2}, "its type is PROMPT_TUNING"),
        ({"modules_to_save": ("lm_head",)}, "holds whole layers"),
    ],
)
def test_what_cannot_be_switched_is_said_before_a_run_is_made(
    tmp_path, monkeypatch, settings, changes, message
):
    monkeypatch.chdir(tmp_path)
    learned("odd", settings, **changes)
    with pytest.raises(ExportError, match=f"cannot be switched: .*{message}"):
        put(settings["model"], ("odd",), ("fp32",))
    assert [path.name for path in (tmp_path / "runs").iterdir()] == ["odd"]


def test_names_and_targets_that_cannot_be_are_refused(tmp_path, monkeypatch, settings):
    monkeypatch.chdir(tmp_path)
    learned("tone", settings, r=2)
    with pytest.raises(RunError, match="2 are called 'tone'"):
        put(settings["model"], ("tone", "tone"), ("fp32",))
    with pytest.raises(SpecError, match="target must be cpu for several adapters; got cuda"):
        put(settings["model"], ("tone",), ("fp32",), target="cuda")
    with pytest.raises(SpecError, match="tune must be left out for several adapters; got 60s"):
        put(settings["model"], ("tone",), ("fp32",), tune="60s")
    with pytest.raises(SpecError, match=r"int4 must be auto or k_quant for .*; got gptq"):
        put(settings["model"], ("tone",), ("int4",), int4="gptq")
    with pytest.raises(CatalogError, match="no-such-model"):
        put("no-such-model", ("tone",), ("fp32",))
    create("empty", "finetune", FinetuneSpec(**settings))
    with pytest.raises(RunError, match="'empty' has learned nothing to switch on"):
        put(settings["model"], ("empty",), ("fp32",))


def test_an_adapter_of_another_base_is_refused(tmp_path, settings, tiny_folder, rows):
    run = tuned(tiny_folder, tmp_path / "run", r=2)
    asked = Sharing(
        Path(settings["model"]), "tiny", [Addition("tone", run, HeldOut(rows))], ["fp32"]
    )
    with pytest.raises(ExportError, match=r"tone was trained on another base: .*tiny, not tiny\."):
        share(asked, tmp_path, emit=print)


def test_the_command_line_and_the_magic_ask_for_the_same(settings):
    line = ["tiny", "--adapters", "tone,kinds", "--precision", "fp32"]
    wanted = OptimizeSpec(run="tiny", adapters=("tone", "kinds"), precision=("fp32",))
    for args in (
        cli.parser().parse_args(["optimize", *line]),
        MAGICS["optimize"]().parse_args(line),
    ):
        given = settings_of(args, OptimizeSpec, skip=("run",))
        assert OptimizeSpec.from_mapping({"run": args.run, **given}) == wanted
