"""What the course's text has when pasted, carried out on tiny models: its commands, its files."""

import json

import pytest
from module_blocks import STANDINS, block
from safetensors.torch import load_file

import labkit
from labkit.errors import CatalogError, RunError
from labkit.report import SilentView
from labkit.runtime import OnnxModel

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


def trained_elsewhere(folder, base):
    """Save an adapter as somebody does who has PEFT and no labkit."""
    import peft
    import torch
    from transformers import AutoModelForCausalLM

    config = peft.LoraConfig(r=3, lora_alpha=9, target_modules=["q_proj"], task_type="CAUSAL_LM")
    model = peft.get_peft_model(AutoModelForCausalLM.from_pretrained(base), config)
    torch.manual_seed(1)
    for name, weights in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(weights, std=0.05)
    model.save_pretrained(folder)
    return model.eval()


def test_an_adapter_that_was_trained_elsewhere_is_adopted_and_exported(
    workplace, tiny_model, standins
):
    import torch

    theirs = trained_elsewhere(workplace / "theirs", tiny_model)
    (export,) = olive("olive auto-opt -a theirs -o out", STANDINS | {"data": "phrases"})
    run = labkit.Run(export.spec.run)
    assert (run.job, run.spec.method, run.spec.r, run.spec.lora_alpha) == ("adopt", "lora", 3, 9)
    assert run.spec.model == str(tiny_model)
    assert run.metrics["tuned"]["n"] == 120
    assert export.metrics["rungs"]["fp32"]["held_out"]["max_abs_logit_diff"] < 1e-3
    ids = [5, 6, 7, 8]
    with torch.no_grad():
        expected = theirs(torch.tensor([ids])).logits[0].numpy()
    found, _ = OnnxModel(workplace / "out" / "model").logits(torch.tensor(ids).numpy())
    assert abs(found - expected).max() < 1e-3


def test_a_whole_model_is_adopted_and_compared_with_itself(workplace, tiny_model):
    run = labkit.adopt(tiny_model, data="phrases", limit=12, view=SilentView())
    assert run.spec.method == "full"
    assert run.metrics["base"] == run.metrics["tuned"]
    assert (run.learned / "model.safetensors").read_bytes() == (
        tiny_model / "model.safetensors"
    ).read_bytes()


def test_rows_must_be_named_to_compare_what_no_run_left(workplace, tiny_model):
    with pytest.raises(RunError, match=r"No run here left .*compared on is not named") as caught:
        olive(f"olive auto-opt -m {tiny_model} -o out", {})
    assert "--map data=phrases" in caught.value.hint


CONFIG = """
input_model: {{type: HfModel, model_path: {model}}}
data_configs: [{{name: rows, load_dataset_config: {{data_name: phrases}}}}]
passes:
  tune: {{type: LoRA, r: {r}, training_args: {{max_steps: 2}}}}
  export: {{type: OnnxConversion}}
{more}
"""


@pytest.mark.parametrize(
    ("r", "more", "job"),
    [
        ("4", "", "finetune"),
        (
            "[2, 4]",
            "search_strategy: {execution_order: joint, sampler: random, max_samples: 2}",
            "sweep",
        ),
    ],
)
def test_a_configuration_without_output_exports_what_it_trained(
    workplace, tiny_model, standins, r, more, job
):
    text = CONFIG.format(model=tiny_model, r=r, more=more)
    (workplace / "both.yaml").write_text(text)
    first, export = olive("olive run --config both.yaml", {})
    assert first.job == job
    tuned = first.best if job == "sweep" else first
    assert export.spec.run == tuned.name
    assert export.metrics["rungs"]["fp32"]
