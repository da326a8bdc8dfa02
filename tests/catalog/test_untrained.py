"""Models with random weights: the architecture of another, and nothing learned."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, AutoTokenizer

import labkit
from labkit.cli import main
from labkit.errors import CatalogError

pytestmark = pytest.mark.process


@pytest.fixture
def source(tiny_model) -> Path:
    return Path(tiny_model)


def test_it_has_the_architecture_and_the_tokenizer_but_not_the_weights(source, tmp_path):
    made = labkit.untrained(str(source), tmp_path / "new", seed=1)
    before, after = (load_file(folder / "model.safetensors") for folder in (source, made))
    assert {name: value.shape for name, value in before.items()} == {
        name: value.shape for name, value in after.items()
    }
    assert not any(torch.equal(before[name], after[name]) for name in before if "proj" in name)
    assert AutoTokenizer.from_pretrained(made)("one two").input_ids == (
        AutoTokenizer.from_pretrained(source)("one two").input_ids
    )


def test_the_seed_alone_decides_the_weights(source, tmp_path):
    folders = [
        labkit.untrained(str(source), tmp_path / str(n), seed=seed)
        for n, seed in enumerate((1, 1, 2))
    ]
    first, again, other = ((f / "model.safetensors").read_bytes() for f in folders)
    assert first == again != other


def test_settings_change_the_architecture_from_the_command_line_too(source, tmp_path, capsys):
    main(["untrained", str(source), str(tmp_path / "new"), "--config", '{"num_hidden_layers": 1}'])
    folder = Path(capsys.readouterr().out.strip())
    assert json.loads((folder / "config.json").read_text())["num_hidden_layers"] == 1
    assert len(AutoModelForCausalLM.from_pretrained(folder).model.layers) == 1


def test_a_setting_that_the_architecture_has_not_is_named_and_nothing_is_left(source, tmp_path):
    with pytest.raises(CatalogError, match="n_layers is no setting of llama's architecture"):
        labkit.untrained(str(source), tmp_path / "new", config={"n_layers": 1})
    assert list(tmp_path.iterdir()) == []


def test_settings_that_do_not_go_together_are_refused_in_a_sentence(source, tmp_path):
    with pytest.raises(CatalogError, match="could be made with these settings") as e:
        labkit.untrained(str(source), tmp_path / "new", config={"hidden_size": -3})
    assert "num_attention_heads must divide" in e.value.hint


def test_a_cell_that_is_run_again_finds_the_model_and_another_one_is_refused(source, tmp_path):
    made = labkit.untrained(str(source), tmp_path / "new", seed=1)
    before = (made / "model.safetensors").stat().st_mtime_ns
    assert labkit.untrained(str(source), tmp_path / "new", seed=1) == made
    assert (made / "model.safetensors").stat().st_mtime_ns == before
    with pytest.raises(CatalogError, match="needs an empty folder"):
        labkit.untrained(str(source), tmp_path / "new", seed=2)


def test_a_folder_with_files_is_left_alone(source, tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(CatalogError, match="needs an empty folder"):
        labkit.untrained(str(source), tmp_path)
    assert (tmp_path / "notes.txt").read_text() == "mine"
