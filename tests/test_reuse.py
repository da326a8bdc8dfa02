"""LABKIT_REUSE: a run that is the same is made once; one that differs in anything is not."""

import pytest
from safetensors.torch import load_file

import labkit
from labkit.api import reuse
from labkit.report import SilentView

pytestmark = pytest.mark.process


def trained(name, settings, **changes):
    return labkit.finetune(name=name, view=SilentView(), **settings | changes)


def weights(run):
    return load_file(run.adapter / "adapter_model.safetensors")


def test_a_run_that_is_the_same_is_copied_and_equals_one_that_was_made(
    workplace, settings, monkeypatch, tmp_path
):
    monkeypatch.setenv("LABKIT_REUSE", str(tmp_path / "kept"))
    first = trained("first", settings)
    again = trained("again", settings)
    assert again.status == "done"
    assert again.events()[-1]["time"] == first.events()[-1]["time"]  # nothing was trained
    assert (again.path / "spec.yaml").read_text() == (first.path / "spec.yaml").read_text()
    monkeypatch.delenv("LABKIT_REUSE")
    made = trained("made", settings)
    assert made.events()[-1]["time"] > first.events()[-1]["time"]
    one, other = weights(again), weights(made)
    assert all(tensor.equal(other[name]) for name, tensor in one.items())


def test_a_run_with_a_fault_is_neither_kept_nor_taken_for_one_without(
    workplace, settings, monkeypatch, tmp_path
):
    monkeypatch.setenv("LABKIT_REUSE", str(tmp_path / "kept"))
    spoiled = trained("spoiled", settings, fault="shifted_labels")
    sound = trained("sound", settings)
    again = trained("again", settings, fault="shifted_labels")
    assert spoiled.events()[-1]["time"] < sound.events()[-1]["time"] < again.events()[-1]["time"]
    losses = [run.of("step")[-1]["loss"] for run in (spoiled, sound, again)]
    assert losses[0] == losses[2] != losses[1]


def test_other_settings_rows_or_code_make_another_run(
    workplace, settings, words, monkeypatch, tmp_path
):
    first = trained("first", settings, max_steps=2)
    known = reuse.fingerprint(first)
    assert known == reuse.fingerprint(trained("same", settings, max_steps=2))
    other = trained("other", settings, max_steps=2, seed=1)
    assert reuse.fingerprint(other) != known
    rows = tmp_path / "rows.jsonl"
    rows.write_text(words.read_text())
    before = reuse.fingerprint(trained("copied", settings, max_steps=2, data=str(rows)))
    rows.write_text(words.read_text().replace("cat", "cow"))
    assert reuse.fingerprint(labkit.Run("copied")) != before
    monkeypatch.setattr(reuse, "_code", lambda: "other code")
    assert reuse.fingerprint(first) != known


def test_an_export_is_kept_with_the_model_it_was_made_of(
    workplace, settings, monkeypatch, tmp_path
):
    monkeypatch.setenv("LABKIT_REUSE", str(tmp_path / "kept"))
    for name in ("first", "again"):
        trained(name, settings)
    view = {"precision": "fp32", "limit": 6, "view": SilentView()}
    made, copied = (labkit.optimize(name, **view) for name in ("first", "again"))
    assert reuse.fingerprint(made) != reuse.fingerprint(copied)  # they name another run
    assert copied.status == "done"
