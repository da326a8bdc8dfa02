"""The card of an exported model, and what its tuned run's card says of it."""

import ast
import re

import pytest
import report_samples as samples
from test_report_ladder import shared_metrics

from labkit.report import export_card, write_card
from labkit.run import Run
from labkit.settings import parse_yaml


def parts(text):
    _, head, body = text.split("---\n", 2)
    return parse_yaml(head), body.replace("\\", "").replace("\u00a0", " ")


def exported(root, *, metrics=None, kept=("int8",), **spec):
    """Return the run of an export of `tone`, with a folder for each model that was kept."""
    samples.done(root, **spec)
    run = samples.optimized(root, metrics=metrics)
    for name in kept:
        samples.write(run.path / name / "genai_config.json", genai_config())
    return run


def genai_config(*more):
    inputs = dict.fromkeys(("input_ids", "past_key_names", "past_value_names", *more), "x")
    return {"model": {"context_length": 8192, "decoder": {"inputs": inputs}}}


def programs_in(body):
    return re.findall(r"```python\n(.*?)\n```", body, re.DOTALL)


def test_the_head_of_an_exports_card_says_what_the_hub_searches_for(tmp_path):
    head, _ = parts(export_card(exported(tmp_path), "int8"))
    assert head == {
        "base_model": "HuggingFaceTB/SmolLM2-135M-Instruct",
        "base_model_relation": "quantized",
        "library_name": "onnxruntime",
        "license": "apache-2.0",
        "language": "en",
        "pipeline_tag": "text-generation",
        "tags": ["labkit", "onnx", "onnxruntime-genai", "foundry-local", "int8", "classification"],
    }


@pytest.mark.parametrize(
    ("spec", "precision", "wanted"),
    [
        ({"model": "gemma3-270m"}, "int8", {"license": "gemma"}),
        ({"model": "org/base", "data": "org/rows"}, "int8",
         {"base_model": "org/base", "datasets": ["org/rows"], "license": None, "language": None}),
        ({}, "fp32", {"base_model_relation": "finetune"}),
    ],
)  # fmt: skip
def test_base_data_and_licence_in_the_head_are_the_runs(spec, precision, wanted, tmp_path):
    head, _ = parts(export_card(exported(tmp_path, **spec), precision))
    assert {key: head.get(key) for key in wanted} == wanted


def test_the_card_has_the_whole_ladder_and_what_was_refused(tmp_path):
    _, body = parts(export_card(exported(tmp_path), "int8"))
    assert "154 MiB, 10.7 ms per token, 6.0 times as fast as PyTorch, KL 0.0046" in body
    assert "| int8 ★ | ✓ passed | 0.0046 | 0.0051 | 95.9 % |" in body
    assert "| fp32 | 515 MiB | 81.1 ms | 31.3 ms | 2.1 × |" in body
    assert "int4 was refused: The mean KL of int4 must be at most 0.05" in body
    assert "beyond its gate" not in body


def test_an_accepted_model_says_so_at_the_top_of_its_card_and_no_other_does(tmp_path):
    found = samples.accepted_metrics()
    run = exported(tmp_path, metrics=found, kept=("int8", "int4"))
    _, body = parts(export_card(run, "int4"))
    at_top = body.index("**This model is beyond its gate.** The mean KL of int4 must be at most")
    assert at_top < body.index("## How to run it")
    assert "(`--accept`)" in body
    assert "**This model is beyond" not in parts(export_card(run, "int8"))[1]


def test_three_programs_ask_the_runs_first_row_a_label_with_labkit_a_text_with_the_others(tmp_path):
    _, body = parts(export_card(exported(tmp_path), "int8"))
    programs = programs_in(export_card(exported(tmp_path / "b"), "int8"))
    asked = [
        node.value.value
        for program in programs
        for node in ast.walk(ast.parse(program))
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "prompt"
    ]
    assert asked == [samples.prompt(samples.PHRASES[0][0])] * 2
    assert f"model.score({samples.PHRASES[0][0]!r}, labels)" in programs[0]
    for line in ('labkit.load(".")', 'og.Model(".")', 'InferenceSession("model.onnx"'):
        assert line in body


def test_a_graph_that_genai_cannot_take_is_asked_through_labkit(tmp_path):
    run = exported(tmp_path)
    (run.path / "int8" / "genai_config.json").unlink()
    head, body = parts(export_card(run, "int8"))
    assert ["labkit.load" in program for program in programs_in(body)] == [True]
    assert head["tags"] == ["labkit", "onnx", "int8", "classification"]


def test_a_graph_with_other_states_is_not_asked_through_plain_onnx_runtime(tmp_path):
    run = exported(tmp_path)
    samples.write(run.path / "int8" / "genai_config.json", genai_config("past_conv_names"))
    assert len(programs_in(export_card(run, "int8"))) == 2


def test_a_head_answers_with_labels_and_is_asked_through_labkit(tmp_path):
    head, body = parts(export_card(exported(tmp_path, head=True, task="classification"), "int8"))
    assert head["pipeline_tag"] == "text-classification"
    assert len(programs_in(body)) == 1
    assert f"model.score({samples.PHRASES[0][0]!r})" in body


def test_licences_of_base_and_rows_are_in_the_card(tmp_path):
    _, body = parts(export_card(exported(tmp_path), "int8"))
    assert "[Apache-2.0](https://www.apache.org/licenses/LICENSE-2.0)" in body
    assert "Licence of the rows: MIT." in body
    assert "A LoRA adapter (Hu et al., 2021" in body


def test_an_exported_base_model_has_a_card_without_a_tuned_run(tmp_path):
    run = samples.optimized(
        tmp_path, "smollm2-135m/onnx", run="smollm2-135m", adapters=("tone", "intents")
    )
    head, body = parts(export_card(run, "int8"))
    assert head["license"] == "apache-2.0"
    assert "# smollm2-135m, int8 for ONNX Runtime" in body
    assert "Training rows" not in body


def test_the_card_of_a_base_says_what_each_adapter_answers_and_costs(tmp_path):
    run = samples.optimized(
        tmp_path, "base/onnx", metrics=shared_metrics(), run="base", adapters=("tone", "intents")
    )
    _, body = parts(export_card(run, "int8"))
    assert "accuracy 90.0 % [83.0, 95.0], n = 120 | 92.5 % [86.0, 96.0] |" in body
    assert "| base, none switched on | int8 | 12.7 ms | 12.7 ms |" in body
    assert "| tone | int8 | 13.6 ms | 13.6 ms |" in body


def test_the_tuned_runs_card_names_its_exports_and_what_was_accepted(tmp_path):
    run = exported(tmp_path, metrics=samples.accepted_metrics(), kept=("int8", "int4"))
    _, body = parts(write_card(Run(run.path.parent)).read_text())
    section = body.split("## Exported models")[1].split("## ")[0]
    assert "| onnx/int8 | ✓ passed | 154 MiB | 10.7 ms | 0.0046 | 89.2 % [82.2, 94.2] |" in section
    assert "| onnx/int4 ★ | ⚠ accepted | 86.5 MiB" in section
    assert "onnx/int4 is beyond its gate and was kept with --accept: The mean KL" in section


def test_a_run_without_an_export_has_no_section_of_them(tmp_path):
    assert "## Exported models" not in write_card(samples.done(tmp_path)).read_text()


def test_the_card_of_the_export_itself_is_that_of_the_chosen_model(tmp_path):
    run = exported(tmp_path)
    assert write_card(run).read_text() == export_card(run, "int8")


def test_an_export_of_which_nothing_passed_says_so(tmp_path):
    found = samples.export_metrics() | {"chosen": None}
    body = write_card(samples.optimized(tmp_path, metrics=found)).read_text()
    assert "No model of this export is within its gate." in body
