"""What the course's text has when pasted, carried out on tiny models: its commands, its files."""

import json

import pytest
from module_blocks import STANDINS, block
from safetensors.torch import load_file

import labkit
from labkit.errors import CatalogError, RunError
from labkit.report import SilentView

pytestmark = pytest.mark.process


@pytest.fixture
def standins(workplace, tiny_model, monkeypatch):
    """The stand-ins of the text, a tiny model for each model, and few steps."""
    monkeypatch.chdir(workplace)
    monkeypatch.setenv("LABKIT_MAX_STEPS", "2")
    tiny = {name: str(tiny_model) for name, taken in STANDINS.items() if taken == "smollm2-135m"}
    rows = [{"input": f"What is {n}?", "output": f"It is {n}."} for n in range(30)]
    (workplace / "dataset.json").write_text(json.dumps(rows))
    return STANDINS | tiny | {"path/to/your/dataset.json": "dataset.json"}


def olive(text, standins):
    return labkit.olive(text, map=standins, view=SilentView())


def test_the_first_example_from_fine_tuning_to_onnx(workplace, standins):
    shown = []
    (tuned,) = labkit.olive(block(4), map=standins, tell=shown.append, view=SilentView())
    assert tuned.name == "models-llama-ft"
    assert tuned.spec.data == "phrases"
    ours = load_file(tuned.adapter / "adapter_model.safetensors")
    delivered = load_file(workplace / "models/llama/ft/adapter/adapter_model.safetensors")
    assert all(tensor.equal(delivered[name]) for name, tensor in ours.items())
    assert "labkit finetune" in repr(shown[0])
    (export,) = olive(block(5), standins)
    assert export.spec.run == tuned.name
    assert (workplace / "models/llama/onnx/model/model.onnx").is_file()
    (again,) = olive(block(4), standins)
    assert again.name == "models-llama-ft-1"


def test_several_adapters_one_after_another_and_together(workplace, standins):
    classifier, generator, both = olive(block(10), standins)
    assert [classifier.spec.task, generator.spec.task] == ["classification", "generation"]
    assert both.metrics["rungs"] or both.metrics
    assert set(both.spec.adapters) == {classifier.name, generator.name}


def test_the_configurations_of_the_text_run(workplace, standins):
    (workplace / "olive-config.yaml").write_text(block(7))
    (workplace / "regular.yaml").write_text(block(15))
    (run,) = olive(block(8), standins)
    assert run.spec.data.endswith("dataset.json")
    assert run.spec.target_modules == ("q_proj", "k_proj", "v_proj", "o_proj")
    (run,) = olive("olive run --config regular.yaml", standins)
    assert run.status == "done"
    assert (run.spec.lora_dropout, run.spec.weight_decay) == (0.1, 0.01)


def test_the_search_of_the_text_runs(workplace, standins):
    space = block(11).replace("num_trials: 20", "num_trials: 2")
    (workplace / "hyperparameter-search.yaml").write_text(space)
    (run,) = olive("olive run --config hyperparameter-search.yaml", standins)
    assert run.job == "sweep"
    assert run.metrics["best"]


def test_the_settings_for_little_memory_and_for_logs_run(workplace, standins):
    (qlora,) = olive(block(16), standins)
    assert (qlora.spec.method, qlora.spec.gradient_accumulation_steps) == ("qlora", 16)
    (logged,) = olive(block(14), standins)
    assert [*logged.path.glob("**/events.out.tfevents*")]


def test_an_adapter_that_was_never_trained_is_said_to_be_missing(workplace, standins):
    with pytest.raises(RunError, match="No run here left 'models/llama/ft/adapter'"):
        olive(block(5), standins)


def test_a_model_that_cannot_be_had_names_the_way_to_a_stand_in(workplace, standins, monkeypatch):
    monkeypatch.setenv("LABKIT_OFFLINE", "1")
    del standins["meta-llama/Llama-3.2-1B-Instruct"]
    with pytest.raises(CatalogError) as caught:
        olive(block(4), standins)
    assert "--map meta-llama/Llama-3.2-1B-Instruct=smollm2-135m" in caught.value.hint
