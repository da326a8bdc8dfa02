import ast
import re

import evaluation_samples as evaluations
import pytest
import report_samples as samples

from labkit.report import write_card
from labkit.settings import parse_yaml


def parts(run):
    text = write_card(run).read_text()
    _, head, body = text.split("---\n", 2)
    return parse_yaml(head), body


def test_the_head_of_the_card_says_what_the_hub_searches_for(tmp_path):
    head, _ = parts(samples.done(tmp_path))
    assert head["base_model"] == "HuggingFaceTB/SmolLM2-135M-Instruct"
    assert head["library_name"] == "peft"
    assert head["license"] == "apache-2.0"
    assert {"lora", "classification"} <= set(head["tags"])
    assert "datasets" not in head  # a data set of ours is none of the hub's
    measured = head["model-index"][0]["results"][0]["metrics"]
    assert {"type": "accuracy", "name": "accuracy", "value": 0.9} in measured


def test_a_local_model_and_a_hub_data_set_are_named_as_what_they_are(tmp_path):
    (tmp_path / "org" / "base").mkdir(parents=True)
    run = samples.done(tmp_path, model=str(tmp_path / "org" / "base"), data="org/rows")
    head, _ = parts(run)
    assert "base_model" not in head
    assert "license" not in head
    assert head["datasets"] == ["org/rows"]


def test_the_card_tells_use_results_limits_and_making(tmp_path):
    _, body = parts(samples.done(tmp_path, learning_rate=3e-4))
    wanted = ["## Intended use", "## Results", "## Limits", "## How it was made"]
    wanted += ["A LoRA adapter", "short English phrase", "120 held-out rows",
              "learning_rate: 0.0003", "| 90.0 % \\[83.2, 94.2\\] |", "labkit 0."]  # fmt: skip
    assert [word for word in wanted if word not in body] == []


def test_the_program_in_the_card_is_python_with_the_runs_prompt(tmp_path):
    _, body = parts(samples.done(tmp_path))
    code = re.search(r"```python\n(.*?)\n```", body, re.DOTALL).group(1)
    values = {
        node.targets[0].id: node.value.value
        for node in ast.walk(ast.parse(code))
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
    }
    assert values["base"] == "HuggingFaceTB/SmolLM2-135M-Instruct"
    assert values["prompt"] == samples.prompt(samples.PHRASES[0][0])


def test_text_from_the_data_stays_text_in_the_card(tmp_path):
    run = samples.done(tmp_path)
    samples.Clock(run.path).at(0, "note", text="A note with <b>tags</b> | and `ticks`")
    samples.Clock(run.path).at(0, "example", prompt="```\n# x", completion="y", n_tokens=3)
    _, body = parts(run)
    assert "\\<b\\>tags\\</b\\> \\| and \\`ticks\\`" in body
    assert "'```\\n# x'" in body


def test_a_card_of_a_stopped_run_says_so(tmp_path):
    _, body = parts(samples.going(tmp_path, steps=40, status="stopped"))
    assert "**stopped**" in body
    assert "No results have been measured." in body


@pytest.mark.parametrize(
    ("method", "library", "wanted"),
    [
        ("full", "transformers", ["All weights (full fine-tuning: Howard and Ruder, 2018",
                                  'from_pretrained("model")']),
        ("qlora", "peft", ["A QLoRA adapter (Dettmers et al., 2023", "bnb_4bit_quant_type='nf4'"]),
        ("rslora", "peft", ["An rsLoRA adapter", "lora_alpha = 8"]),
        ("adapter", "labkit", ["Bottleneck adapters", "load_tuned(base, run.learned, run.spec)",
                               "PEFT has no bottleneck adapters"]),
        ("ia3", "peft", ["An (IA)³ adapter", '"adapter")']),
        ("prompt_tuning", "peft", ["A trained prompt", "num_virtual_tokens = 20"]),
        ("prefix_tuning", "peft", ["A trained prefix", "num_virtual_tokens = 20"]),
    ],
)  # fmt: skip
def test_the_card_of_a_method_names_it_its_paper_and_its_program(method, library, wanted, tmp_path):
    head, body = parts(evaluations.of_method(tmp_path, method))
    assert head["library_name"] == library
    assert head["base_model_relation"] == ("finetune" if method == "full" else "adapter")
    plain = body.replace("\\", "")
    assert [word for word in wanted if word not in plain] == []
    assert (", r = " in body) == (method in ("qlora", "rslora", "adapter"))
    ast.parse(re.search(r"```python\n(.*?)\n```", body, re.DOTALL).group(1))


def test_the_card_of_a_head_chooses_among_its_labels(tmp_path):
    head, body = parts(samples.done(tmp_path, head=True, task="classification"))
    assert head["pipeline_tag"] == "text-classification"
    assert head["library_name"] == "labkit"
    assert f"labels = {samples.LABELS!r}" in body


@pytest.mark.parametrize(("task", "kind"), [("extraction", "f1"), ("summarisation", "rouge")])
def test_the_head_of_a_text_tasks_card_has_its_metrics(task, kind, tmp_path):
    head, body = parts(evaluations.done(tmp_path, task))
    assert kind in head["metrics"]
    measured = head["model-index"][0]["results"][0]["metrics"]
    value = next(iter(evaluations.METRICS[task].values()))[1]
    assert {"type": kind, "value": value}.items() <= measured[0].items()
    assert "Licence of the weights: [Apache-2.0]" in body.replace("\\", "")
