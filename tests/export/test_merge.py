"""Merging: the same answers from one model, for every method that can; and what is refused."""

import pytest
from runs import tuned

from labkit.errors import ExportError
from labkit.export import HeldOut, Tuned, compare_logits, merge, refuse_unmergeable
from labkit.export.check import Parity
from labkit.export.gates import gate_merged
from labkit.export.merge import fold, save_merged
from labkit.export.torch_model import TorchModel
from labkit.export.tuned import load_plain
from labkit.spec import METHODS, FinetuneSpec


def merged(run, out):
    """Merge without a child; return the model that was written and the same read back."""
    whole = fold(run.unquantised.load())
    save_merged(whole, run.base, out)
    return whole, load_plain(out)


def weight_names(folder):
    from safetensors import safe_open

    with safe_open(folder / "model.safetensors", "np") as file:
        return set(file.keys())


@pytest.mark.parametrize(
    ("method", "settings"),
    [
        ("lora", {}),
        ("lora", {"init_lora_weights": "pissa"}),
        ("rslora", {}),
        ("dora", {"r": 4}),
        ("ia3", {}),
    ],
)
def test_a_merged_model_answers_as_the_tuned_one(
    tiny_folder, tiny_torch, tmp_path, rows, method, settings
):
    run = tuned(tiny_folder, tmp_path, method, **settings)
    model = run.load()
    before = compare_logits(tiny_torch, TorchModel(model), rows).max_abs_logit_diff
    _, read = merged(run, tmp_path / "merged")
    parity = compare_logits(run.load(), TorchModel(read), rows)
    assert before > 1
    assert parity.max_abs_logit_diff < 1e-3
    assert parity.first_difference is None
    assert weight_names(tmp_path / "merged") == weight_names(tiny_folder)  # tied as before


def test_merging_needs_no_adapter_to_answer(tiny_folder, tmp_path, rows):
    run = tuned(tiny_folder, tmp_path)
    whole, read = merged(run, tmp_path / "merged")
    assert compare_logits(whole, TorchModel(read), rows).max_abs_logit_diff == 0
    assert not (tmp_path / "merged" / "adapter_config.json").exists()
    for name in ("tokenizer.json", "tokenizer_config.json"):
        assert (tmp_path / "merged" / name).read_bytes() == (tiny_folder / name).read_bytes()


def test_a_head_that_was_trained_is_kept_apart_from_the_embedding(tiny_folder, tmp_path, rows):
    run = tuned(tiny_folder, tmp_path, modules_to_save=["lm_head"])
    _, read = merged(run, tmp_path / "merged")
    parity = compare_logits(run.load(), TorchModel(read), rows)
    assert parity.max_abs_logit_diff < 1e-3
    assert read.config.tie_word_embeddings is False
    assert weight_names(tmp_path / "merged") - weight_names(tiny_folder) == {"lm_head.weight"}
    base = load_plain(tiny_folder)
    assert read.get_input_embeddings().weight.equal(base.get_input_embeddings().weight)
    assert not read.get_output_embeddings().weight.equal(base.get_output_embeddings().weight)


def test_a_run_in_four_bits_is_merged_into_the_whole_base(tiny_folder, tmp_path, rows):
    run = tuned(tiny_folder, tmp_path, "qlora", r=4)
    _, read = merged(run, tmp_path / "merged")
    assert read.dtype.itemsize == 4
    full = compare_logits(run.unquantised.load(), TorchModel(read), rows)
    rounded = compare_logits(run.load(), TorchModel(read), rows)
    assert full.max_abs_logit_diff < 1e-3
    assert rounded.max_abs_logit_diff > 100 * full.max_abs_logit_diff


@pytest.mark.process
def test_a_merge_is_checked_from_the_disk_and_tells_how_far_it_is(tiny_folder, tmp_path, rows):
    events = []
    run = tuned(tiny_folder, tmp_path / "run", "qlora", r=4)
    found = merge(
        run,
        tmp_path / "model",
        held_out=HeldOut(rows),
        emit=lambda kind, **values: events.append((kind, values)),
    )
    assert found["n_rows"] == 4
    assert found["size_bytes"] > 50_000
    assert found["parity"]["reloaded"]["max_abs_logit_diff"] < 1e-6
    drift = found["parity"]["merged"]
    assert drift["n_tokens"] == sum(map(len, rows))
    assert drift["kl"] > 1e-3  # four bits against thirty-two
    assert [v["name"] for kind, v in events if kind == "stage"] == ["merge", "check"]
    assert [v["precision"] for kind, v in events if kind == "parity"] == ["merged", "reloaded"]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["model", "model.log", "run"]
    with pytest.raises(ExportError, match="exists already"):
        merge(run, tmp_path / "model", held_out=HeldOut(rows), emit=print)


def parity(difference):
    return Parity(difference, 0.0, 1.0, 1.0, 10)


def test_a_merge_that_changes_the_answers_is_refused():
    gate_merged(parity(9e-3), parity(0.0), is_exact=True)
    with pytest.raises(ExportError, match=r"adapter merged may differ by 0\.01; got 0\.02"):
        gate_merged(parity(0.02), parity(0.0), is_exact=True)
    with pytest.raises(ExportError, match="got nan"):
        gate_merged(parity(float("nan")), parity(0.0), is_exact=True)


def test_what_the_base_in_full_changes_is_told_and_not_refused():
    gate_merged(parity(7.0), parity(0.0), is_exact=False)


def test_files_that_answer_differently_are_refused():
    with pytest.raises(ExportError, match=r"read from the disk may differ by 0\.0001; got 0\.001"):
        gate_merged(parity(0.0), parity(1e-3), is_exact=False)


@pytest.mark.parametrize(
    ("method", "reason"),
    [
        ("adapter", "adapter cannot be merged: its bottleneck is not linear"),
        ("prompt_tuning", "prompt_tuning cannot be merged: it learned tokens"),
        ("prefix_tuning", "prefix_tuning cannot be merged: it learned keys and values"),
        ("full", "full cannot be merged: its weights are a whole model already"),
    ],
)
def test_methods_that_cannot_merge_say_why_and_what_to_do(tmp_path, method, reason):
    run = Tuned(tmp_path, tmp_path, FinetuneSpec(method=method))
    with pytest.raises(ExportError, match=reason) as error:
        merge(run, tmp_path / "model", held_out=HeldOut([[1]]), emit=print)
    assert error.value.hint.endswith(".")
    assert list(tmp_path.iterdir()) == []


def test_every_method_either_merges_or_says_why_not():
    for name, method in METHODS.items():
        if method.merges and name != "full":
            refuse_unmergeable(FinetuneSpec(method=name))
        else:
            with pytest.raises(ExportError, match=f"the method {name} cannot be merged: "):
                refuse_unmergeable(FinetuneSpec(method=name))


def test_a_classification_head_is_not_merged():
    with pytest.raises(ExportError, match="classification head cannot be merged"):
        refuse_unmergeable(FinetuneSpec(head=True))


def test_without_held_out_rows_nothing_is_merged(tiny_folder, tmp_path):
    run = tuned(tiny_folder, tmp_path / "run")
    with pytest.raises(ExportError, match="needs held-out rows; got 0"):
        merge(run, tmp_path / "model", held_out=HeldOut([]), emit=print)
