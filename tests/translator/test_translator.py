"""What the course's text has, understood: shell, commands, configurations, stand-ins."""

import json
from pathlib import Path

import pytest
from module_blocks import BLOCKS, STANDINS, block

import labkit
from labkit import translator
from labkit.cli import main
from labkit.errors import RunError, SpecError
from labkit.spec import FinetuneSpec, SweepSpec
from labkit.translator import StandIns, named_after, read, read_standins
from labkit.translator.config import read_text
from labkit.translator.shell import read_block
from labkit.yaml import parse_yaml

STAND_INS = StandIns(STANDINS)


def jobs(number):
    language, text = BLOCKS[number]
    return read_text(text, STAND_INS) if language in ("yaml", "json") else read(text, STAND_INS)


def one(text, **standins):
    (found,) = read(text, StandIns({"model": "smollm2-135m", "data": "phrases", **standins}))
    return found


def remarks(job, kind):
    return [remark.text for remark in job.remarks if remark.kind == kind]


@pytest.mark.parametrize(
    "number",
    [n for n, (language, _) in enumerate(BLOCKS) if language in ("bash", "yaml") and n != 8],
)
def test_every_block_of_the_text_is_understood_and_its_settings_are_valid(number):
    for job in jobs(number):
        assert job.job == "none" or job.job == "help" or job.spec is not None


def test_the_first_example_is_what_it_says():
    (job,) = jobs(4)
    assert job.spec == FinetuneSpec(
        model="smollm2-135m",
        data="phrases",
        trust_remote_code=True,
        method="lora",
        max_steps=100,
        text_template=(
            "<|start_header_id|>user<|end_header_id|>\n{phrase}<|eot_id|>"
            "<|start_header_id|>assistant<|end_header_id|>\n{tone}"
        ),
    )
    assert (job.output, job.name) == ("models/llama/ft", "models-llama-ft")
    assert remarks(job, "stand-in") == [
        "smollm2-135m is taken for meta-llama/Llama-3.2-1B-Instruct, as you asked.",
        "phrases is taken for xxyyzzz/phrase_classification, as you asked.",
    ]
    assert any("Olive trains on every token" in text for text in remarks(job, "default"))
    assert any("lora_r 64" in text for text in remarks(job, "default"))
    (export,) = jobs(5)
    assert (export.spec.run, export.spec.precision) == ("models-llama-ft", ("fp32",))
    assert export.spec.target == "cpu"


def test_rows_of_a_step_and_parts_of_another_data_set():
    (job,) = jobs(9)
    assert (job.spec.method, job.spec.batch_size, job.spec.max_steps) == ("qlora", 16, 150)
    assert job.spec.eval_split is None
    assert any("train[4096:4224] counts rows of nampdn" in t for t in remarks(job, "changed"))
    (job,) = jobs(16)
    assert (job.spec.batch_size, job.spec.gradient_accumulation_steps) == (16, 16)
    assert job.spec.gradient_checkpointing is True


def test_several_adapters_and_their_export():
    classifier, generator, both = jobs(10)
    assert (classifier.spec.task, classifier.spec.data) == ("classification", "phrases")
    assert (generator.spec.task, generator.spec.data) == ("generation", "instructions")
    assert both.spec.adapters == (classifier.name, generator.name)
    assert both.run == "smollm2-135m"


def test_the_configurations_of_the_text():
    (dialog,) = jobs(7)
    assert (dialog.spec.r, dialog.spec.lora_alpha) == (16, 32)
    assert dialog.spec.target_modules == ("q_proj", "k_proj", "v_proj", "o_proj")
    assert dialog.spec.modules_to_save == ("norm", "lm_head")
    (search,) = jobs(11)
    assert isinstance(search.spec, SweepSpec)
    assert (search.spec.sampler, search.spec.total) == ("random", 20)
    rate = search.spec.space["learning_rate"]
    assert (rate.low, rate.high, rate.log) == (1e-6, 1e-3, True)
    assert search.spec.space["batch_size"].values == (8, 16, 32)
    (regular,) = jobs(15)
    spec = regular.spec
    assert (spec.r, spec.lora_alpha, spec.lora_dropout, spec.weight_decay) == (16, 16, 0.1, 0.01)
    (fast,) = jobs(17)
    assert (fast.spec.dataloader_num_workers, fast.spec.optim) == (4, "adamw_torch")
    assert any("float16 needs a GPU" in text for text in remarks(fast, "changed"))


TODAY = """
input_model: {type: HfModel, model_path: a/b}
systems:
  local: {type: LocalSystem, accelerators: [{device: cpu, execution_providers: [CPUExecutionProvider]}]}
data_configs:
  - name: rows
    type: HuggingfaceContainer
    load_dataset_config: {data_name: json, data_files: rows.json, split: train}
    pre_process_data_config: {text_template: "{q}\\n{a}", max_seq_len: 128}
passes:
  tune:
    type: QLoRA
    r: [8, 16]
    alpha: SEARCHABLE_VALUES
    train_data_config: rows
    training_args: {max_steps: 20, learning_rate: 1e-4}
  build: {type: ModelBuilder, precision: int4}
search_strategy: {execution_order: joint, sampler: tpe, max_samples: 3}
target: local
output_dir: out
"""  # noqa: E501 - as people write it


def test_todays_schema_with_a_search_and_an_export():
    search, export = read_text(TODAY, StandIns({"a/b": "smollm2-135m"}))
    spec = search.spec
    assert (spec.base.data, spec.base.max_length, spec.base.method) == ("rows.json", 128, "qlora")
    assert (spec.sampler, spec.total) == ("tpe", 3)
    assert spec.space["r"].values == (8, 16)
    assert spec.space["lora_alpha"].values == (16, 32, 64)
    assert (export.spec.precision, export.spec.target) == (("int4",), "cpu")


def test_json_is_read_as_well():
    (job,) = read_text(
        '{"input_model": {"type": "HfModel", "model_path": "m"}, "passes": {"f": {"type": "LoRA", '
        '"r": 4}}, "data_configs": [{"load_dataset_config": {"data_name": "d"}}]}',
        StandIns({"m": "smollm2-135m", "d": "phrases"}),
    )
    assert (job.spec.r, job.spec.data) == (4, "phrases")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("olive finetune --lora_rank 8", "has no option 'lora_rank'"),
        ("olive tune", "olive tune has no counterpart here"),
        ("olive finetune --workspace x", "submits no work to a cloud"),
        ("olive auto-opt -m x --provider NoProvider", "provider must be one of CPUExecution"),
        ("olive optimize -m x --precision fp16", "precision must be one of fp32, int8 or int4"),
        ("olive quantize -m x --algorithm awq", "algorithm must be one of"),
        ("olive finetune | tee log", "cannot go through '|'"),
        ("olive finetune --data_name 'a", "A quote is not closed"),
        ("olive finetune --model_name_or_path $NAME", "The variable $NAME is not set"),
        ("olive run --config nowhere.yaml", "'nowhere.yaml' cannot be read"),
        ("olive run", "olive run needs --config"),
    ],
)
def test_what_is_not_known_is_refused_by_name(text, said):
    with pytest.raises(SpecError) as caught:
        one(text)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("passes: {f: {type: Pruning}}", "The pass 'Pruning' has no counterpart"),
        ("passes: {f: {type: LoRA, rank: 3}}", "The pass LoRA has no option 'rank'"),
        ("modle: {type: HfModel}", "A configuration has no 'modle'"),
        ("model: {type: TfModel}", "A model must be HfModel"),
    ],
)
def test_what_a_configuration_has_that_is_not_known_is_refused_by_name(text, said):
    with pytest.raises(SpecError) as caught:
        read_text(text, STAND_INS)
    assert said in str(caught.value)


def test_the_rows_of_the_text_are_read_by_its_own_configuration(tmp_path):
    (tmp_path / "dataset.json").write_text(block(6))
    rows = labkit.load_data(
        str(tmp_path / "dataset.json"), text_template="User: {input}\nAssistant: {output}"
    )
    every = [*rows.train, *rows.validation, *rows.test]
    assert {one.prompt for one in every} == {
        "User: What is machine learning?\nAssistant:",
        "User: Explain neural networks\nAssistant:",
    }


def test_named_files_are_the_data_whatever_kind_stands_beside_them():
    for options in ("--data_name json --data_files a.json", "--data_files a.json -d json"):
        assert one(f"olive finetune {options}").spec.data == "a.json"


def test_nothing_is_taken_that_nobody_asked_for():
    with pytest.raises(SpecError, match="The model is not named") as caught:
        read("olive finetune --data_name phrases", StandIns())
    assert "--map model=smollm2-135m" in caught.value.hint
    job = one("olive finetune --model_name_or_path meta-llama/Llama-3.2-1B-Instruct")
    assert job.spec.model == "meta-llama/Llama-3.2-1B-Instruct"


def test_stand_ins_are_read_from_the_project_and_a_line_wins(tmp_path):
    table = '[tool.labkit.olive.map]\n"a/b" = "smollm2-135m"\ndata = "phrases"\n'
    (tmp_path / "pyproject.toml").write_text(table)
    inner = tmp_path / "labs"
    inner.mkdir()
    found = read_standins({"data": "intents"}, inner)
    assert dict(found.names) == {"a/b": "smollm2-135m", "data": "intents"}


def test_shell_as_bash_reads_it():
    (first, second, third) = read_block(
        'NAME="my model" # a comment\n'
        "export RANK=8; olive a --m \"$NAME\" 'as $it is' # what for\n"
        'olive b "two\\nlines" a\\ b --x=${RANK} && echo \\\n  done # end'
    )
    assert first.words == ("olive", "a", "--m", "my model", "as $it is")
    assert first.comment == "what for"
    assert second.words == ("olive", "b", "two\\nlines", "a b", "--x=8")
    assert third.words == ("echo", "done")


def test_a_runs_name_follows_the_folder():
    assert (
        named_after("models/llama/ft/adapter")
        == named_after("./models/llama/ft")
        == "models-llama-ft"
    )
    assert named_after("model") == "model"


def test_explain_from_a_shell_takes_a_whole_command_as_one_text(capsys):
    line = "olive finetune --model_name_or_path smollm2-135m -d phrases --lora_r 4 --max_steps 3"
    for words in ([line], line.split()[1:]):
        main(["olive", "--explain", *words])
        said = capsys.readouterr().out
        assert "labkit finetune" in said
        assert "lora_r is r here." in said
        assert "Olive trains on every token" in said
    with pytest.raises(SystemExit):
        main(["olive", "--explain", "olive finetune --lora_rank 4"])
    assert "lora_rank" in capsys.readouterr().err


def test_lines_of_other_programs_are_explained_not_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for number in (0, 1, 3):
        assert labkit.olive(block(number)) == []
        shown = repr(labkit.explain_olive(block(number)))
        assert "  Not run: " in shown
    assert [*tmp_path.iterdir()] == []


def test_help_says_what_there_is(capsys):
    main(["olive", "--help"])
    assert "olive tune-session-params" in capsys.readouterr().out


def test_the_python_of_the_text_runs():
    for number in (12, 13):
        space = {}
        exec(block(number), space)
    assert callable(space["evaluate_model"])


def test_a_notebook_takes_a_line_or_a_pasted_block_as_it_stands(shell, capsys):
    shell.user_ns |= {"phrase": "WRONG", "tone": "WRONG"}  # IPython would put them in
    line = (
        "olive --explain --map model=smollm2-135m finetune -d phrases "
        r'--text_template "{phrase}\nTone: {tone}"'
    )
    shell.run_cell(f"%{line}")
    said = capsys.readouterr().out
    assert "{phrase}" in said
    assert "WRONG" not in said
    given = " ".join(f"--map '{name}={taken}'" for name, taken in STANDINS.items())
    shown = shell.run_cell_magic("olive", f"--explain {given}", block(4))
    assert "labkit finetune --model smollm2-135m" in repr(shown)
    assert "<li>" in shown._repr_html_()


def test_a_run_is_exported_for_olive_with_its_rows(workplace):
    labkit.prepare(name="tone", data="phrases", r=4, max_steps=7, batch_size=8)
    file = labkit.olive_export("tone")
    made = parse_yaml(file.read_text())
    tune = made["passes"]["finetune"]
    assert (tune["type"], tune["r"], tune["training_args"]["max_steps"]) == ("LoRA", 4, 7)
    assert tune["training_args"]["per_device_train_batch_size"] == 8
    for number, n_rows in ((0, 510), (1, 90)):
        part = made["data_configs"][number]
        kept = Path(part["load_dataset_config"]["data_files"]).read_text()
        rows = [json.loads(line) for line in kept.splitlines()]
        assert len(rows) == n_rows
        text = part["pre_process_data_config"]["text_template"].format(**rows[0])
        assert text == rows[0]["prompt"] + rows[0]["completion"]
    (job,) = read_text(file.read_text(), StandIns())
    assert (job.spec.r, job.spec.max_steps, job.spec.batch_size) == (4, 7, 8)


def test_what_olive_cannot_train_is_not_exported(workplace):
    labkit.prepare(name="ia3", data="phrases", method="ia3")
    with pytest.raises(RunError, match="Olive trains on texts by lora"):
        labkit.olive_export("ia3")


@pytest.mark.parametrize(
    ("line", "text", "explain", "standins"),
    [
        ("export tone-1", "export tone-1", False, {}),
        ("--map a=b finetune -m a", "finetune -m a", False, {"a": "b"}),
        ("--explain 'olive finetune -m a'", "olive finetune -m a", True, {}),
        ("", "", False, {}),
    ],
)
def test_a_line_of_a_notebook_is_olives_and_not_the_shells(line, text, explain, standins):
    assert translator.asked_line(line) == translator.Asked(text, explain, standins)
