"""Diagnosis and faults on purpose: each fault of a real tiny run is found, a sound run has none."""

import json
import math
import shutil
import subprocess
import sys
from collections import Counter
from contextlib import contextmanager
from itertools import islice, pairwise, permutations

import pytest
import torch

import labkit
from labkit import faults
from labkit.api.staging import new_run
from labkit.cli import main
from labkit.data import Tokens
from labkit.diagnosis import CAUSES, SYMPTOMS, Finding, diagnosed
from labkit.diagnosis.evidence import Evidence
from labkit.diagnosis.subsets import LearningCurve, subsets
from labkit.diagnosis.tried import tried
from labkit.errors import RunError, SpecError
from labkit.faults import FAULTS
from labkit.faults.steps import shifted
from labkit.jobs import JOBS, attempt
from labkit.recorder import Recorder
from labkit.report import SilentView
from labkit.report.card import card
from labkit.report.page import page
from labkit.report.plaintext import text
from labkit.run import Run, create
from labkit.search import trials_of
from labkit.spec import FinetuneSpec, OptimizeSpec
from labkit.training.batches import pack, pad

FOUND = {"rate_times_100": "rate_too_high", "wrong_template": "template_mismatch"}
"""What a fault is found as, where the name is another."""

IN_TRAINING = [name for name, fault in FAULTS.items() if fault.job == "finetune"]
SOUND = {
    "method": "full",
    "learning_rate": 8e-3,
    "max_steps": 45,
    "eval_steps": 15,
    "eval_share": 0.3,
    "n_samples": 0,
}
LORA = {"method": "lora", "max_steps": 12}


def names(run):
    return diagnosed(run).names


@contextmanager
def opened_files():
    """The names of all files that are opened inside the block."""
    names, active = [], [True]
    sys.addaudithook(lambda event, args: active and event == "open" and names.append(str(args[0])))
    yield names
    active.clear()


@pytest.fixture(scope="module")
def runs(tmp_path_factory, settings):
    """A function that trains a run with a fault, or a sound one, in this process, once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("work"))
        patch.delenv("LABKIT_RUNS", raising=False)
        made = {}

        def trained(fault=None):
            if fault not in made:
                own = SOUND | (LORA if fault == "lora_on_no_layer" else {})
                name = f"spoiled-{len(made)}" if fault else "sound"
                run = new_run(name, "finetune", None, settings | own, fault=fault)
                attempt(JOBS["finetune"], run, lambda: False, resume=False)
                made[fault] = run
            return made[fault]

        yield trained


@pytest.mark.process
def test_a_sound_run_is_told_so_in_one_sentence(runs):
    assert repr(labkit.diagnose(runs())).strip() == "Nothing was found wrong with the run sound."


@pytest.mark.process
@pytest.mark.parametrize("fault", IN_TRAINING)
def test_a_fault_is_found_and_nothing_else(runs, fault):
    assert names(runs(fault)) == [FOUND.get(fault, fault)]


@pytest.mark.process
@pytest.mark.parametrize("fault", ["shifted_labels", "wrong_template", "leaked_test_rows"])
def test_the_diagnosis_never_opens_the_marker_and_finds_the_same_without_it(runs, fault, tmp_path):
    run = runs(fault)
    with opened_files() as opened:
        found = diagnosed(run).findings
    assert any("metrics.json" in name for name in opened)
    assert not any(faults.FILE in name for name in opened)
    bare = shutil.copytree(run.path, tmp_path / run.path.name)
    (bare / faults.FILE).unlink()
    assert diagnosed(Run(bare)).findings == found


@pytest.mark.process
def test_the_record_of_a_fault_does_not_say_which_one_and_a_guess_is_checked(runs):
    run = runs("shifted_labels")
    files = [file for file in run.path.rglob("*") if file.is_file()]
    assert [file for file in files if b"shifted" in file.read_bytes()] == []
    assert faults.guess(run, "shifted_labels")
    assert not faults.guess(run.name, "end_token_missing")
    with pytest.raises(SpecError, match="no fault 'shiftd_labels'"):
        faults.guess(run, "shiftd_labels")
    with pytest.raises(SpecError, match="has no fault"):
        faults.guess(runs(), "shifted_labels")


@pytest.mark.process
def test_a_spoiled_run_is_called_so_wherever_it_is_shown(runs):
    spoiled, sound = runs("leaked_test_rows"), runs()
    for shown in (page, card, text):
        assert "A fault was injected on purpose" in shown(spoiled)
        assert "A fault was injected on purpose" not in shown(sound)
    table = repr(labkit.report.runs_table([spoiled, sound]))
    assert [("(fault)" in line) for line in table.splitlines()[2:]] == [True, False]


@pytest.mark.process
def test_all_fronts_say_the_same(runs, shell, capsys):
    run = runs("end_token_missing")
    said = repr(labkit.diagnose(run.name))
    main(["diagnose", run.name])
    assert capsys.readouterr().out.strip() == said.strip()
    shown = shell.run_line_magic("diagnose", run.name)
    assert repr(shown) == said
    assert shown._repr_html_().count("<img") == 1


@pytest.mark.process
def test_a_change_is_tried_and_held_beside_the_first_run_on_the_same_rows(runs):
    run = runs("end_token_missing")
    shown = labkit.diagnose(run, try_change=True, view=SilentView())
    again = shown.trial.run
    assert again.spec == run.spec
    assert not faults.is_marked(again.path)
    assert again.metrics["tuned"]["probabilities"] == runs().metrics["tuned"]["probabilities"]
    old, new = (found.metrics["tuned"]["predictions"] for found in (run, again))
    gold = run.metrics["tuned"]["gold"]
    right = [[a == b for a, b in zip(said, gold, strict=True)] for said in (old, new)]
    lost, won = (sum(a and not b for a, b in zip(*pair, strict=True))
                 for pair in (right, right[::-1]))  # fmt: skip
    p_value = binomial(min(lost, won), lost + won)
    assert (shown.trial.verdict == "not shown") == (p_value >= 0.05)
    assert shown.trial.sentence.endswith("end_token_missing is gone.")
    assert "Before and after: accuracy" in shown._repr_html_()


def binomial(k, n):
    """Return the two-sided p-value of k heads or fewer of n fair coins."""
    return min(1.0, 2 * sum(math.comb(n, i) for i in range(k + 1)) / 2**n)


def test_a_change_helped_only_beyond_chance(recorded):
    def results(right, n=20):
        gold = ["a", "b"] * (n // 2)
        said = gold[:right] + ["?"] * (n - right)
        return {"tuned": {"gold": gold, "predictions": said, "metrics": {"accuracy": {}}}}

    finding = Finding("overfitting", "", "data", "", {})
    for before, after, verdict in ((5, 19, "helped"), (10, 13, "not shown"), (19, 5, "worse")):
        old, new = (recorded([1.0], [], metrics=results(right)) for right in (before, after))
        assert tried(old, new, finding, []).verdict == verdict
    leaked = Finding("leaked_test_rows", "", "split", "", {})
    assert tried(old, new, leaked, []).verdict == "not shown"
    better = {"comparison": {"sentence": "The tuned model is better by 0.5 [0.2, 0.8] on 9 rows."}}
    new = recorded([1.0], [], metrics=results(12) | better)
    assert tried(old, new, leaked, []).verdict == "mended"
    assert "still there" in tried(old, new, leaked, ["leaked_test_rows"]).sentence


def test_an_export_without_what_was_learned_is_found_by_its_rungs(recorded):
    def measured(value, low, high):
        return {"metric": {"name": "accuracy", "value": value, "interval": [low, high], "n": 90}}

    base, tuned = measured(0.45, 0.35, 0.55), measured(0.95, 0.89, 0.98)
    for made, rungs, found in (
        (tuned, ("merged",), []),
        (base, ("merged",), ["adapter_not_merged"]),
        (tuned, (), ["adapter_not_merged"]),
    ):
        run = recorded([1.0], [])
        export = Recorder(
            create("onnx", "optimize", OptimizeSpec(run=run.name), root=run.path).path
        )
        for name in rungs:
            export.emit("rung", name=name)
        for name, of in (("base", base), ("adapter", tuned), ("fp32", made)):
            export.emit("rung", name=name, **of)
        assert names(run) == found


def test_a_tokenizer_that_cuts_otherwise_is_found_beside_the_exported_model(recorded, tiny_model):
    run = recorded([1.0], [])
    export = create("onnx", "optimize", OptimizeSpec(run=run.name), root=run.path)
    shutil.copytree(tiny_model, export.path / "int8")
    assert names(run) == []
    FAULTS["tokenizer_mismatch"].exported(export.path)
    assert names(run) == ["tokenizer_mismatch"]


def test_a_diagnosis_loads_no_torch(recorded):
    run = recorded([2.0] * 4, [(2, 2.0)])
    code = "import sys, labkit; repr(labkit.diagnose(sys.argv[1])); print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code, run.name], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("False\n", "")


def test_labels_shifted_twice_are_those_of_the_next_position():
    rows = [Tokens([5, 6, 7, 8], 2), Tokens([5, 9, 10, 11, 12], 1)]
    for batch in (pack(rows), pad(rows)):
        before = list(zip(batch["positions"].tolist(), batch["targets"].tolist(), strict=True))
        moved = shifted(batch)
        after = dict(zip(moved["positions"].tolist(), moved["targets"].tolist(), strict=True))
        expected = {at: then for (at, _), (_, then) in pairwise(before)}
        del expected[before[1][0]]  # the first row's last position: nothing of its row follows
        assert after == expected
        assert Counter(moved["rows"].tolist()) == {0: 1, 1: 3}
        assert torch.equal(moved["input_ids"], batch["input_ids"])


def test_a_fault_that_does_not_go_with_the_settings_is_refused(workplace, settings):
    for fault, own, said in (
        ("lora_on_no_layer", {"method": "full"}, "with method full"),
        ("shifted_labels", {"head": True}, "head true"),
        ("tokenizer_mismatch", {}, "does not go into finetune"),
        ("padding", {}, "no fault 'padding'"),
    ):
        with pytest.raises(SpecError, match=said):
            labkit.finetune(fault=fault, **settings | own)
    with pytest.raises(SpecError, match="not into several adapters"):
        labkit.finetune(fault="any", adapters={"a": {}}, **settings)
    assert not (workplace / "runs").exists()


def test_any_fault_is_one_that_fits():
    spec = FinetuneSpec(method="ia3", head=True)
    fit = {"rate_times_100", "wrong_template", "leaked_test_rows"}
    assert {faults.chosen("any", "finetune", spec) for _ in range(60)} == fit
    drawn = {
        word: faults.chosen(f"any:{word}", "finetune", spec) for word in "abcdefghijklmnopqrst"
    }
    assert drawn == {word: faults.chosen(f"any:{word}", "finetune", spec) for word in drawn}
    assert set(drawn.values()) <= fit
    assert len(set(drawn.values())) > len(fit) / 2


@pytest.fixture
def recorded(workplace, settings):
    """A function that writes the record of a run: its losses, rows and results."""

    def write(train, validation, signs=(), metrics=None, **own):
        run = create(f"run-{len(list(workplace.glob('runs/*')))}", "finetune",
                     FinetuneSpec(**settings | own))  # fmt: skip
        recorder = Recorder(run.path)
        for step, loss in enumerate(train, 1):
            recorder.emit(
                "step", step=step, max_steps=len(train), loss=loss, grad_norm=1.0,
                learning_rate=run.spec.learning_rate, tokens=8, n_tokens=40, seconds=0.1,
            )  # fmt: skip
        for step, loss in validation:
            recorder.emit("eval", step=step, eval_loss=loss)
        for name in signs:
            recorder.emit("note", text=f"{name} was seen.", sign=name)
        (run.path / "metrics.json").write_text(json.dumps(metrics or {}))
        return run

    return write


def test_the_change_for_overfitting_is_the_step_of_the_best_validation(recorded):
    run = recorded([2.0, 1.0, 0.5, 0.2], [(1, 1.0), (2, 0.8), (3, 0.9), (4, 1.2)], ["overfitting"])
    (found,) = diagnosed(run).findings
    assert (found.name, found.changes) == ("overfitting", {"max_steps": 2})


def test_a_rate_far_from_the_usual_is_named_where_nothing_moves(recorded):
    flat = [(4, 2.0), (8, 2.0), (12, 2.0), (16, 2.0)]
    slow = recorded([2.0] * 16, flat, ["plateau"], learning_rate=1e-6)
    (found,) = diagnosed(slow).findings
    assert (found.name, found.changes) == ("rate_too_low", {"learning_rate": 5e-4})
    wild = recorded([2.0] * 16, flat, ["divergence"], learning_rate=3e-3)
    (found,) = diagnosed(wild).findings
    assert (found.name, found.changes) == ("rate_too_high", {"learning_rate": 5e-4})


def test_not_better_than_the_base_is_underfitting(recorded):
    said = {"comparison": {"sentence": "The difference is too close to call with n = 9: 0."}}
    falling, flat = [(2, 3.0), (4, 2.5)], [(2, 3.0), (4, 2.99)]
    run = recorded([3.0, 2.9, 2.7, 2.4], falling, metrics=said)
    (found,) = diagnosed(run).findings
    assert (found.name, found.changes) == ("underfitting", {"max_steps": 8})
    (found,) = diagnosed(recorded([3.0, 2.9, 2.7, 2.4], flat, metrics=said)).findings
    assert (found.name, found.changes) == ("underfitting", {"learning_rate": 2 * 5e-3})
    known = said | {"base": {"accuracy": 0.97}}
    assert names(recorded([3.0, 2.9, 2.7, 2.4], flat, metrics=known)) == []
    better = {"comparison": {"sentence": "The tuned model is better by 0.5 [0.2, 0.8] on 9 rows."}}
    assert names(recorded([3.0, 2.9, 2.7, 2.4], falling, metrics=better)) == []


def test_forgetting_is_a_bit_a_token_of_a_model_that_knew_something(recorded):
    def text(base, tuned, **own):
        said = {"comparison": {"sentence": "The tuned model is better by 0.5 [0.2, 0.8] on 9."}}
        found = {"n_tokens": 473, "base": base, "tuned": tuned, "vocabulary": 49152}
        return recorded([3.0, 2.0], [(2, 2.0)], metrics=said | {"general_text": found}, **own)

    (found,) = diagnosed(text(3.5, 4.3)).findings
    assert (found.name, found.changes) == ("forgetting", {"learning_rate": 5e-3 / 3})
    assert "perplexity 33.1 to 73.7" in found.sentence
    (found,) = diagnosed(text(3.5, 4.3, method="full")).findings
    assert found.changes == {"method": "lora"}
    assert names(text(3.5, 4.1)) == []
    assert names(text(10.7, 14.0)) == []  # it guessed before


def test_a_tokenizer_of_another_language_is_a_wrong_base_where_nothing_was_gained(
    recorded, tmp_path
):
    said = {"comparison": {"sentence": "The difference is too close to call with n = 9: 0."}}
    better = {"comparison": {"sentence": "The tuned model is better by 0.5 [0.2, 0.8] on 9 rows."}}
    file = tmp_path / "rows.jsonl"
    words = map("".join, islice(permutations("qzxjvk"), 48))
    rows = [{"text": word, "kind": "xy"[i % 2]} for i, word in enumerate(words)]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert "wrong_base_model" in names(recorded([3.0], [], metrics=said, data=str(file)))
    assert "wrong_base_model" not in names(recorded([3.0], [], metrics=better, data=str(file)))


def test_sure_errors_are_doubted_labels_only_where_they_are_too_many(recorded):
    def results(wrong, n=60):
        gold = ["a"] * (n - wrong) + ["b"] * wrong
        return {
            "comparison": {"sentence": "The tuned model is better by 0.5 [0.2, 0.8] on 60 rows."},
            "tuned": {
                "labels": ["a", "b"], "gold": gold, "predictions": ["a"] * n,
                "probabilities": [[0.99, 0.01]] * n,
            },
        }  # fmt: skip

    # 60 rows at 95 %: 3 errors are expected; P(X >= 9) = 0.0028, P(X >= 10) = 0.0008
    assert names(recorded([1.0], [], metrics=results(9))) == []
    assert names(recorded([1.0], [], metrics=results(10))) == ["wrong_labels"]


def test_repeated_rows_and_prompts_with_two_labels_are_found_in_the_rows(
    recorded, workplace, words
):
    rows = [json.loads(line) for line in words.read_text().splitlines()]
    assert names(recorded([1.0], [])) == []
    for name, more in (
        ("duplicates", rows[:10] * 2),
        ("wrong_labels", [{**row, "kind": "number"} for row in rows[:24]]),
    ):
        file = workplace / f"{name}.jsonl"
        file.write_text("".join(json.dumps(row) + "\n" for row in rows + more))
        assert names(recorded([1.0], [], data=str(file), seed=1)) == [name]


def test_a_leap_of_the_gradient_is_one_finding_only_where_it_comes_back(recorded):
    run = recorded([1.0] * 40, [])
    recorder = Recorder(run.path)

    def leap(step):
        recorder.emit(
            "step", step=step, max_steps=40, loss=5.0, grad_norm=30.0, learning_rate=1e-4,
            tokens=8, n_tokens=40, seconds=0.1,
        )  # fmt: skip

    leap(20)
    assert names(Run(run.name)) == []
    leap(30)
    assert names(Run(run.name)) == ["unstable_loss"]


def test_only_a_fine_tuning_is_diagnosed_and_what_was_not_seen_is_said(recorded, workplace):
    run = create("lr-1", "find_lr", FinetuneSpec())
    with pytest.raises(SpecError, match="'lr-1' is the job find_lr"):
        labkit.diagnose("lr-1")
    assert "did not come to its end" in repr(labkit.diagnose(recorded([1.0], [])))
    assert run.events()


def test_every_rule_is_silent_on_a_run_that_has_only_begun(recorded):
    seen = Evidence.of(recorded([], []))
    assert [rule for rule in (*CAUSES, *SYMPTOMS) if rule(seen)] == []


def curve_with(*points):
    return LearningCurve(Run.__new__(Run), points, "nats per token")


def test_a_learning_curve_that_still_falls_asks_for_more_rows():
    curve = curve_with((64, 1.6), (128, 1.2), (256, 0.9))
    assert curve.gain == pytest.approx(0.25)
    assert curve.wants_rows
    assert "fell from 1.200 to 0.900 nats per token (25%)" in curve.sentence
    assert "512 rows reach about 0.675" in curve.sentence  # 0.9 * 0.9 / 1.2


@pytest.mark.parametrize("last", [0.99, 1.0, 1.2])
def test_a_flat_learning_curve_does_not(last):
    curve = curve_with((64, 1.3), (128, 1.0), (256, last))
    assert not curve.wants_rows
    assert "hardly help" in curve.sentence


@pytest.mark.parametrize(("n", "sizes"), [(510, (63, 127, 255)), (40, (10, 20)), (64, (8, 16, 32))])
def test_subsets_are_an_eighth_a_quarter_and_a_half(n, sizes):
    assert subsets(n) == sizes


def test_too_few_rows_for_subsets_are_named():
    with pytest.raises(RunError, match="32 training rows at least; got 31"):
        subsets(31)


@pytest.mark.process
def test_a_learning_curve_is_that_of_runs_with_these_rows(workplace, settings, capsys):
    asked = {**settings, "eval_share": 0.2, "max_steps": 10, "eval_steps": 5, "lora_dropout": 0.0}
    labkit.finetune(name="mine", view=SilentView(), **asked)
    found = labkit.diagnose("mine", learning_curve=True, view=SilentView())
    n = Run("mine").last("data")["train"]
    points = dict(found.curve.points)
    assert [*points] == [n // 4, n // 2, n]
    alone = labkit.finetune(name="half", limit=n // 2, view=SilentView(), **asked)
    lowest = min(event["eval_loss"] for event in alone.of("eval"))
    assert points[n // 2] == pytest.approx(lowest, abs=1e-4)
    assert points[n] == pytest.approx(min(e["eval_loss"] for e in Run("mine").of("eval")), abs=1e-4)
    assert found.curve.sentence in " ".join(repr(found).split())
    assert "<svg" in found._repr_html_() or "data:image/svg" in found._repr_html_()
    assert Run("mine-rows-1").status == "done"
    assert {trial.settings.max_steps for trial in trials_of(Run("mine-rows-1"))} == {10}
