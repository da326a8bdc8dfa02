"""A deployable folder of a real export: whole, tampered with, asked in each of its card's ways."""

import ast
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import labkit
from labkit import report
from labkit.export import deploy
from labkit.run import Run, create
from labkit.runtime import OnnxModel
from labkit.runtime.folder import section, write_section
from labkit.spec import FinetuneSpec, OptimizeSpec

pytestmark = pytest.mark.process


@pytest.fixture(scope="module")
def finished(tiny_fp32, tiny_folder, tmp_path_factory):
    """The tiny model as `%optimize` leaves it: `runs/tone/onnx/fp32`."""
    root = tmp_path_factory.mktemp("runs")
    settings = FinetuneSpec(model=str(tiny_folder))
    tuned = create("tone", "finetune", settings, root=root)
    with (tuned.path / "events.jsonl").open("a") as stream:
        stream.write(json.dumps({"time": 1, "kind": "example", "prompt": "which tone"}) + "\n")
    run = create("tone/onnx", "optimize", OptimizeSpec(run="tone"), root=root)
    folder = run.path / "fp32"
    shutil.copytree(tiny_fp32, folder)
    facts = {"name": "tone-fp32", "precision": "fp32", "settings": settings, "base": tiny_folder}
    deploy.finish(folder, facts)
    rungs = {"fp32": {"engine": "onnx", "verdict": "passed", "size_bytes": 1000}}
    metrics = {"chosen": "fp32", "target": "cpu", "rungs": rungs}
    (run.path / "metrics.json").write_text(json.dumps(metrics))
    (folder / "README.md").write_text(report.export_card(run, "fp32"))
    deploy.seal(folder)
    return folder


@pytest.fixture
def folder(finished, tmp_path):
    """A copy on another machine."""
    return Path(shutil.copytree(finished, tmp_path / "copy"))


def checks(found):
    return {check.name: (check.passed, check.said) for check in found.checks}


def test_a_copied_folder_opens_answers_and_is_whole(folder):
    found = labkit.verify(folder)
    assert found.ok, found
    assert list(checks(found)) == [
        "files", "provider", "answers", "onnxruntime-genai", "memory", "disk"
    ]  # fmt: skip
    assert "CPUExecutionProvider" in checks(found)["provider"][1]
    assert checks(found)["answers"][1].startswith("8 logits and ")


def test_a_run_is_checked_by_its_chosen_export(finished, monkeypatch):
    monkeypatch.setenv("LABKIT_RUNS", str(finished.parents[2]))
    assert labkit.verify("tone").folder == finished


def test_data_that_was_cut_off_are_named_and_not_opened(folder):
    data = folder / "model.onnx.data"
    data.write_bytes(data.read_bytes()[:-4])
    verified = labkit.verify(folder)
    found = checks(verified)
    assert found["files"] == (False, "changed: model.onnx.data")
    assert found["answers"][0] is None
    assert repr(verified).endswith("\n  Copy the whole folder again, or optimise its run again.")


def test_a_graph_that_answers_otherwise_is_found_though_its_checksums_fit(folder):
    kept = section(folder, "probe")
    best = next(iter(kept["logits"]))
    changed = kept["logits"] | {best: kept["logits"][best] + 0.02}  # twice the tolerance
    write_section(folder, "probe", kept | {"logits": changed})
    deploy.seal(folder)
    found = labkit.verify(folder)
    assert not found.ok
    assert checks(found)["answers"][0] is False
    assert "may be 0.01 from those recorded; the largest difference is 0.02" in repr(found)


def test_a_broken_graph_under_fitting_checksums_is_told_not_raised(folder):
    (folder / "model.onnx").write_bytes(b"no graph at all")
    deploy.seal(folder)
    found = checks(labkit.verify(folder))
    assert found["answers"][0] is False
    assert "ONNX Runtime cannot open" in found["answers"][1]
    assert found["onnxruntime-genai"][0] is False


def test_a_target_that_is_not_installed_is_told_with_its_package(folder):
    write_section(folder, "session", {"target": "qnn"})
    deploy.seal(folder)
    found = checks(labkit.verify(folder))
    assert found["provider"][0] is False
    assert "onnxruntime-qnn" in found["provider"][1]
    assert "answers" not in found  # nothing to ask it with


def test_finishing_again_keeps_the_answers_that_were_recorded(folder):
    before = section(folder, "probe")
    deploy.finish(folder, {"precision": "fp32", "card": "# New card\n"})
    assert section(folder, "probe") == before
    assert section(folder, "prompt")["form"] == "template"
    assert (folder / "README.md").read_text() == "# New card\n"
    assert labkit.verify(folder).checks[0].passed


def ran(program, folder):
    """Run a program of the card as a reader does: copied into a file, in the folder."""
    (folder.parent / "program.py").write_text(program)
    command = [sys.executable, folder.parent / "program.py"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.removesuffix("\n")


def programs_of(folder):
    return re.findall(r"```python\n(.*?)\n```", (folder / "README.md").read_text(), re.DOTALL)


def test_the_first_program_of_a_card_copied_out_of_it_runs_in_the_folder(folder):
    wanted = labkit.load(folder).generate("which tone", max_new_tokens=32, raw=True)
    assert ran(programs_of(folder)[0], folder) == wanted


def test_the_card_of_a_classification_shows_the_chance_of_each_label(finished, tmp_path):
    root = shutil.copytree(finished.parents[2], tmp_path / "runs")
    tuned, folder = root / "tone", root / "tone" / "onnx" / "fp32"
    labels = ["anger", "joy"]
    (tuned / "metrics.json").write_text(json.dumps({"task": "classification", "labels": labels}))
    ending = "\n### Tone:"
    prompt = f"{section(folder, 'prompt')['prompt'][0][0]}What 'a' day!{ending}"
    with (tuned / "events.jsonl").open("a") as stream:
        stream.write(json.dumps({"time": 2, "kind": "example", "prompt": prompt}) + "\n")
    (folder / "README.md").write_text(report.export_card(Run(tuned / "onnx"), "fp32"))
    said = ast.literal_eval(ran(programs_of(folder)[0], folder))
    model = OnnxModel(folder)
    read = labkit.load(folder).tokenizer.encode
    scores = [sequence_score(model, read(prompt), read(f" {label}")) for label in labels]
    wanted = np.exp(scores) / np.exp(scores).sum()
    assert [said[label] for label in labels] == pytest.approx(wanted.tolist(), rel=1e-3)


def sequence_score(model, prompt, label):
    """Return the log-likelihood of a label's tokens after a prompt, all read at once."""
    logits = model.logits([*prompt, *label])[0].astype(np.float64)
    chances = logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True))
    return sum(chances[len(prompt) - 1 + at, token] for at, token in enumerate(label))


@pytest.mark.filterwarnings("default")
def test_every_program_of_the_card_prints_the_models_likeliest_answer(folder, monkeypatch, capsys):
    programs = programs_of(folder)
    monkeypatch.chdir(folder)
    model = labkit.load(".")
    ids = model.tokenizer.encode("which tone")
    n_new = 2 * 16  # of a row whose completion was never counted
    ends = model.tokenizer.eos_ids
    tokens = OnnxModel(folder).generate(ids, n_new)
    stop = next((at for at, token in enumerate(tokens) if token in ends), n_new)
    wanted = model.tokenizer.decode(tokens[:stop]).strip()
    said, known = [], []
    for program in programs:
        capsys.readouterr()
        known.append({})
        exec(program, known[-1])
        said.append(capsys.readouterr().out.strip())
    assert said[::2] == [wanted] * 2
    # Random bytes are no text, and each library writes them in its own way: compare the tokens.
    found = known[1]["generator"].get_sequence(0)[len(ids) :].tolist()
    assert found == tokens[: len(found)]
    assert len(found) >= stop
