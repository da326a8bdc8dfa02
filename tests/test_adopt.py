"""What cannot be adopted is refused in a sentence, before a run is made."""

import json

import pytest

import labkit
from labkit.errors import CatalogError, RunError, SpecError
from labkit.run import all_runs

LORA = {"peft_type": "LORA", "r": 4, "lora_alpha": 8, "base_model_name_or_path": "smollm2-135m"}


@pytest.fixture
def folder(workplace):
    """A folder with an adapter's settings, and no run at the end."""
    path = workplace / "theirs"
    path.mkdir()
    (path / "adapter_model.safetensors").touch()
    yield path
    assert all_runs() == []


def write(folder, **changes):
    (folder / "adapter_config.json").write_text(json.dumps(LORA | changes))


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"peft_type": "LOHA"}, "must be one of LORA, IA3, .* is 'LOHA'"),
        ({"task_type": "SEQ_CLS"}, "has a classification head of its own"),
        ({"base_model_name_or_path": None}, "does not name its base model"),
        ({"base_model_name_or_path": "smollm"}, "model must be a name in the catalogue.*'smollm'"),
        ({"r": 0}, "r must be from 1 to 1024 .rank.; got 0"),
    ],
)
def test_an_adapter_that_cannot_be_used_is_named(folder, changes, problem):
    write(folder, **changes)
    with pytest.raises((SpecError, CatalogError), match=problem):
        labkit.adopt(folder)


@pytest.mark.parametrize("text", ['{"r": 4', "[4]", '"LORA"'])
def test_settings_that_are_no_settings_are_named(folder, text):
    (folder / "adapter_config.json").write_text(text)
    with pytest.raises(SpecError, match=r"adapter_config\.json must hold an adapter's settings"):
        labkit.adopt(folder)


def test_pickled_weights_are_not_read(folder):
    write(folder)
    (folder / "adapter_model.safetensors").rename(folder / "adapter_model.bin")
    with pytest.raises(RunError, match="are no safetensors; a pickle can run any code"):
        labkit.adopt(folder)


def test_a_folder_with_neither_is_named(folder):
    with pytest.raises(SpecError, match=r"neither an adapter .* nor a model"):
        labkit.adopt(folder)


def test_a_setting_of_training_is_refused(folder):
    write(folder)
    with pytest.raises(SpecError, match="Nothing is trained, so there is no setting 'max_steps'"):
        labkit.adopt(folder, max_steps=3)
