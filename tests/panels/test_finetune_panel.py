"""The fine-tuning panel without a page: settings, messages, rows, plan, texts, buttons."""

import json
import re
import struct
import time
from html import unescape

import pytest

from labkit import machine, panels
from labkit.errors import SpecError
from labkit.panels import latest
from labkit.panels.finetune_fields import GROUPS
from labkit.run import Run, all_runs, create
from labkit.settings import docs_of
from labkit.spec import LOSSES, METHODS, FinetuneSpec

HIDDEN, INNER, VOCABULARY, BLOCKS = 8, 16, 300, 3
SHAPES = {
    "model.embed_tokens.weight": (VOCABULARY, HIDDEN),
    "model.norm.weight": (HIDDEN,),
} | {
    f"model.layers.{at}.{name}.weight": shape
    for at in range(BLOCKS)
    for name, shape in {
        "self_attn.q_proj": (HIDDEN, HIDDEN), "self_attn.v_proj": (4, HIDDEN),
        "self_attn.k_proj": (4, HIDDEN), "self_attn.o_proj": (HIDDEN, HIDDEN),
        "mlp.up_proj": (INNER, HIDDEN), "mlp.down_proj": (HIDDEN, INNER),
    }.items()
}  # fmt: skip
IN_AND_OUT = BLOCKS * (2 * 16 + 2 * 12 + 2 * 24)


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """A model's folder without weights worth loading: each byte of a text is a token."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers

    folder = tmp_path_factory.mktemp("model")
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(models.BPE({letter: at for at, letter in enumerate(letters)}, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens(["<eos>"])
    tokenizer.save(str(folder / "tokenizer.json"))
    (folder / "tokenizer_config.json").write_text('{"eos_token": "<eos>"}')
    config = {"model_type": "llama", "tie_word_embeddings": True, "num_hidden_layers": BLOCKS}
    (folder / "config.json").write_text(json.dumps(config))
    head = {n: {"dtype": "F32", "shape": s, "data_offsets": [0, 0]} for n, s in SHAPES.items()}
    text = json.dumps(head).encode()
    (folder / "model.safetensors").write_bytes(struct.pack("<Q", len(text)) + text)
    return folder


@pytest.fixture
def rows(workplace):
    """A file of 40 rows, of which 34 are trained on."""
    file = workplace / "rows.jsonl"
    lines = [{"prompt": f"number {at}\nis", "completion": "odd" if at % 2 else "even"}
             for at in range(40)]  # fmt: skip
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return file


@pytest.fixture
def panel(model, rows, workplace, monkeypatch):
    """A panel on the model and the rows; what follows from a change is there at once."""
    monkeypatch.setenv("LABKIT_CACHE", str(workplace / "cache"))
    monkeypatch.setattr(latest, "PAUSE", 0.01)
    made = panels.finetune(model=str(model), data=rows.name)
    assert made._latest.wait()
    yield made
    made.close()


def type_in(panel, **texts):
    """Type settings as a person does and wait for what follows."""
    for name, text in texts.items():
        panel.fields[name].field.value = text
    assert panel._latest.wait()


def shown(panel):
    return {name for name, field in panel.fields.items() if field.is_shown}


def wrong(panel):
    """Return what the panel says of its settings."""
    found = {name: field._said.value for name, field in panel.fields.items() if field.is_wrong}
    return {n: unescape(re.sub("<[^>]+>", "", said))[2:] for n, said in found.items()}


def plan_of(panel):
    (facts,) = panel._seen[0]
    return dict(facts.items)


def test_every_setting_has_one_control_whose_tooltip_is_its_documentation(panel):
    names = [name for group in GROUPS for name in group.names]
    assert sorted(names) == sorted(FinetuneSpec.__dataclass_fields__)
    docs = docs_of(FinetuneSpec)
    assert {n: f.field.tooltip for n, f in panel.fields.items()} == {n: docs[n] for n in names}


@pytest.mark.parametrize("method", METHODS)
def test_only_what_the_method_takes_is_shown_with_its_defaults(panel, method):
    type_in(panel, method=method)
    every = {name for name, field in panel.fields.items() if not field.rule.is_dependent}
    taken = {**METHODS[method].defaults, **LOSSES["cross_entropy"].defaults}
    assert shown(panel) == every | set(taken)
    assert panel.spec == FinetuneSpec(
        method=method, model=panel.fields["model"].value, data="rows.jsonl"
    )
    rate = f"{METHODS[method].defaults['learning_rate']:g}"
    assert float(panel.fields["learning_rate"].field.placeholder) == float(rate)


def test_a_setting_of_another_method_is_not_asked_for_and_there_again_later(panel):
    type_in(panel, r="4")
    type_in(panel, method="ia3")
    assert (panel.spec.method, panel.spec.r) == ("ia3", None)
    type_in(panel, method="dora")
    assert panel.spec.r == 4


@pytest.mark.parametrize(
    "values",
    [{"learning_rate": 7}, {"batch_size": 7, "gradient_accumulation_steps": 2},
     {"num_cycles": 2}, {"prompt_template": "{a}"}, {"max_length": "long"}, {"seed": -1},
     {"num_train_epochs": 0}],
)  # fmt: skip
def test_a_wrong_value_is_said_in_the_words_of_the_cell(panel, values):
    with pytest.raises(SpecError) as caught:
        FinetuneSpec(**values)
    type_in(panel, **{name: str(value) for name, value in values.items()})
    assert panel.spec is None
    assert wrong(panel) == {
        caught.value.problem.split(" ")[0]: f"{caught.value.problem} {caught.value.hint}"
    }


def test_all_that_is_wrong_is_said_at_once_and_gone_when_it_is_right(panel):
    type_in(panel, learning_rate="7", seed="[", model="smollm")
    assert set(wrong(panel)) == {"learning_rate", "seed", "model"}
    assert "Did you mean 'smollm2-135m'?" in wrong(panel)["model"]
    type_in(panel, learning_rate="", seed="3", model="smollm2-135m")
    assert (wrong(panel), panel.spec.seed) == ({}, 3)


def test_start_with_a_wrong_value_starts_nothing_and_opens_where_it_is(panel, workplace):
    type_in(panel, weight_decay="9")
    (fold,) = [fold for fold in panel.folds if fold.title == "More on the steps"]
    assert not fold.is_open
    panel.actions.start.click()
    assert fold.is_open
    assert all_runs() == []


def test_a_slider_moves_the_text_and_the_text_moves_the_slider(panel):
    slider = panel.fields["learning_rate"]._mover
    assert slider.value == pytest.approx(5e-4)
    slider.value = 1e-3
    assert panel.fields["learning_rate"].field.value == "0.001"
    type_in(panel, r="64")
    assert panel.fields["r"]._mover.value == 64
    type_in(panel, r="1000")  # beyond the slider, and allowed
    assert (panel.fields["r"]._mover.value, panel.spec.r) == (256, 1000)


@pytest.mark.parametrize(("name", "snapped"), [("learning_rate", 10**-3.3), ("max_length", 2.0**9)])
def test_a_page_that_puts_the_slider_on_its_nearest_place_changes_no_text(panel, name, snapped):
    text = panel.fields[name].field.value
    panel.fields[name]._mover.value = snapped
    assert panel.fields[name].field.value == text


def test_the_catalogue_is_at_hand_and_any_other_text_may_be_typed(panel, model):
    choice = panel.fields["model"]._mover
    choice.value = "gemma3-270m"
    assert panel.spec.model == "gemma3-270m"
    type_in(panel, model=str(model))
    assert choice.value is None


def test_the_plan_counts_what_learns_what_is_stored_and_the_steps(panel):
    learns = 16 * IN_AND_OUT
    base = VOCABULARY * 8 + 8 + BLOCKS * (2 * 64 + 2 * 32 + 2 * 128)
    row = sum(len(f"number {at}\nis{word}") + 1 for at, word in _trained(panel)) / 34
    plan = plan_of(panel)
    assert plan["trainable parameters"].replace("\u202f", "") == (
        f"{learns}, {100 * learns / (base + learns):.2g} % of all"
    )
    assert plan["steps"] == "15, 5 an epoch"
    assert plan["tokens a step"] == f"about {8 * row:.0f}, {row:.0f} a row"
    adapter, checkpoint = 4 * learns / 1024, 12 * learns / 1024
    assert plan["on disk"] == (
        f"adapter {adapter:.0f} KiB, up to 2 checkpoints of about {checkpoint:.0f} KiB"
    )
    assert re.fullmatch(r"about .* MiB \(.* MiB to .* MiB\)", plan["memory"])
    assert plan["training"] == "known after a few probe steps: %plan"


def _trained(panel):
    return [
        (int(one.prompt.split()[1]), one.completion.strip())
        for one in panel._seen[1].splits.train
    ]  # fmt: skip


def test_the_plan_follows_the_settings(panel):
    type_in(panel, r="2", max_steps="7")
    assert plan_of(panel)["trainable parameters"].startswith(f"{2 * IN_AND_OUT},")
    assert plan_of(panel)["steps"].startswith("7,")


def test_time_and_memory_are_those_of_an_earlier_run_that_was_alike(panel):
    run = create("before", "finetune", panel.spec)
    measured = {"steps": 10, "seconds": 20.0, "peak_bytes": 700 * 2**20}
    (run.path / "metrics.json").write_text(json.dumps({"training": measured}))
    (run.path / "env.json").write_text(json.dumps({"machine": machine.facts()}))
    type_in(panel, learning_rate="1e-4")
    assert plan_of(panel)["training"].startswith("about 30.0 s: 2.0 s a step in the run before")
    assert plan_of(panel)["memory"] == "700 MiB in the run before"
    type_in(panel, max_length="64")
    assert re.fullmatch(r"about \d+ MiB \(\d+ MiB to \d+ MiB\)", plan_of(panel)["memory"])


def test_the_rows_are_shown_as_the_model_sees_them(panel):
    first = panel._seen[1].splits.train[0]
    text = unescape(re.sub("<[^>]+>", "", panel.rows.value))
    seen = f"{first.prompt}{first.completion}<eos>".replace("\n", "↵\n")
    assert seen in text
    learned = re.findall(r"background[^>]+>([^<]+)</span></pre>", panel.rows.value)
    assert [unescape(one) for one in learned] == [
        f"{row.completion}<eos>" for row in panel._seen[1].splits.train[:3]
    ]


def test_what_is_cut_is_struck_through(panel):
    whole = panel._seen[1].rows[0]
    type_in(panel, max_length="12")
    row = panel._seen[1].rows[0]
    assert row.cut + row.prompt + row.learned == whole.prompt + whole.learned
    assert row.sizes == (whole.sizes[1] - 12, 12, whole.sizes[2])
    assert f'line-through;opacity:0.6">{row.cut}' in panel.rows.value
    assert "longer than max_length 12" in panel.rows.value


def test_more_rows_are_a_button_away(panel):
    panel._turn()
    assert panel._latest.wait()
    assert panel.rows.value.startswith("<div>Training rows 4 to 6 of 34")


@pytest.mark.parametrize(
    ("texts", "said"),
    [({"data": "rowz.jsonl"}, "Did you mean 'rows.jsonl'?"),
     ({"data": "someone/rows"}, "The rows of someone/rows are fetched when the run starts."),
     ({"text_template": "{x}: {completion}"}, "names the column 'x'"),
     ({"target_modules": "query"}, "target_modules must name linear layers of the model")],
)  # fmt: skip
def test_rows_that_cannot_be_read_are_a_sentence(panel, texts, said):
    type_in(panel, **texts)
    assert said in unescape(panel.rows.value + panel.plan.value)
    assert panel.spec is not None


def test_start_says_that_a_name_is_taken(panel):
    create("tone", "finetune", panel.spec)
    panel.actions.name.value = "tone"
    panel.actions.start.click()
    assert "There is already a run named &#x27;tone&#x27;" in panel._said.value


def test_the_settings_of_an_earlier_run_are_loaded_and_the_defaults_come_back(panel, rows):
    changed = {"method": "rslora", "lora_alpha": 3, "seed": 5, "augment": ("typos",)}
    changed |= {"text_template": "{prompt}\n{completion}", "load_best_model_at_end": False}
    spec = FinetuneSpec(data=rows.name, **changed)
    create("old", "finetune", spec)
    panel.sources.refresh()
    panel.sources.runs.value = "old"
    assert panel.spec == spec
    panel.sources.defaults.click()
    assert panel.spec == FinetuneSpec()
    assert panel.sources.runs.value == ""


def test_cell_command_and_yaml_are_those_of_the_settings(panel):
    type_in(panel, r="8", method="dora")
    panel.actions.name.value = "tone"
    assert panel.same.cell.value.startswith("%%finetune tone\nmodel: ")
    assert FinetuneSpec.from_yaml(panel.same.yaml.value) == panel.spec
    assert "--method dora" in panel.same.command.value
    kept = panel.same.yaml.value
    panel.same.yaml.value = "typed over"
    assert panel.same.yaml.value == kept


def test_the_record_holds_settings_and_plan(panel):
    made = panel._made()
    assert "rows.jsonl" in made["text/plain"]
    assert "trainable parameters" in made["text/html"]


def until_it_shows(panel, status):
    """Wait until the run's part of the panel says how the run ended."""
    deadline = time.monotonic() + 60
    while f"labkit-is-{status}" not in panel._run.root._dom_classes:
        assert time.monotonic() < deadline, panel._said.value
        time.sleep(0.05)


@pytest.mark.process
def test_a_run_of_the_panel_and_of_its_cell_give_the_same_adapter(settings, shell, workplace):
    panel = panels.finetune(**settings)
    panel.actions.name.value = "mouse"
    cell = panel.same.cell.value.replace("%%finetune mouse", "%%finetune keys")
    panel.actions.start.click()
    shell.run_cell(cell)
    until_it_shows(panel, "done")
    mouse, keys = Run("mouse"), Run("keys")
    assert (mouse.status, keys.status, mouse.spec) == ("done", "done", keys.spec)
    files = [file.name for file in keys.adapter.iterdir()]
    assert "adapter_model.safetensors" in files
    for file in files:
        assert (mouse.adapter / file).read_bytes() == (keys.adapter / file).read_bytes()
    assert f"{keys.metrics['adapter']['trainable']}," in plan_of(panel)[
        "trainable parameters"
    ].replace("\u202f", "")
    panel.close()


@pytest.mark.process
def test_stop_and_resume_are_buttons(settings, workplace):
    panel = panels.finetune(**settings | {"max_steps": 400, "eval_steps": 200})
    panel.actions.name.value = "tone"
    panel.actions.start.click()
    while not panel.run.of("step"):
        time.sleep(0.05)
    panel.beat()
    assert [panel.actions.start.disabled, panel.actions.stop.disabled] == [True, False]
    panel.actions.stop.click()
    until_it_shows(panel, "stopped")
    panel.beat()
    assert not panel.actions.resume.disabled
    panel.actions.resume.click()
    until_it_shows(panel, "done")
    assert [step["step"] for step in panel.run.of("step")] == list(range(1, 401))
    panel.close()


@pytest.mark.process
def test_a_row_has_the_tokens_that_it_is_trained_with(tiny_model):
    from transformers import AutoTokenizer

    from labkit.data import tokenize
    from labkit.data.examples import Example
    from labkit.data.row_tokenizer import RowTokenizer

    texts = [("the cat <eos> runs", " animal"), ("ünïcode → 😀\n", "number"), ("", " red")]
    rows = [Example(prompt, label, label, at, None) for at, (prompt, label) in enumerate(texts)]
    there, here = AutoTokenizer.from_pretrained(tiny_model), RowTokenizer(tiny_model)
    assert tokenize(rows, here, max_length=20) == tokenize(rows, there, max_length=20)
