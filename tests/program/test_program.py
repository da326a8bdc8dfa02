"""The plain program of a run learns what the run learns: bit for bit, for each method."""

import json
import runpy
import subprocess
import sys

import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoTokenizer

import labkit
from labkit import data, training
from labkit.errors import RunError, SpecError
from labkit.program.write import files
from labkit.run import create
from labkit.spec import METHODS, FinetuneSpec

pytestmark = [
    pytest.mark.process,
    pytest.mark.filterwarnings("ignore:.gradient_checkpointing_enable. is dep:FutureWarning"),
]

CASES = {
    "full": {"learning_rate": 5e-3},
    "lora": {},
    "qlora": {},
    "dora": {},
    "rslora": {},
    "adapter": {"r": 8},
    "ia3": {"learning_rate": 0.2},
    "prompt_tuning": {"num_virtual_tokens": 5},
    "prefix_tuning": {"num_virtual_tokens": 5},
    "prompt from a text": {"method": "prompt_tuning", "prompt_tuning_init_text": "the red cat"},
    "lora+ that decays": {"loraplus_lr_ratio": 4.0, "weight_decay": 0.1},
    "micro-batches": {"gradient_accumulation_steps": 2, "gradient_checkpointing": True},
    "the last layer": {
        "last_layers": 1, "lr_scheduler_type": "cosine_with_restarts", "optim": "sgd",
        "load_best_model_at_end": False, "modules_to_save": ("norm",),
    },
    "bf16": {"precision": "bf16"},
    "rows that are cut": {"max_length": 8},
}  # fmt: skip


@pytest.fixture
def asked(settings):
    """Return a function that makes a case's spec, of padded rows."""

    def spec(name, **more):
        own = {"method": name} if name in METHODS else {}
        return FinetuneSpec(**settings | {"packing": "padded"} | own | CASES[name] | more)

    return spec


@pytest.fixture
def program(tmp_path):
    """Return a function that writes and runs the program of a spec."""
    deterministic, threads = torch.are_deterministic_algorithms_enabled(), torch.get_num_threads()

    def run(spec):
        for name, text in files(spec, "mine", None).items():
            (tmp_path / name).write_text(text)
        return runpy.run_path(str(tmp_path / "train.py"))

    yield run
    torch.use_deterministic_algorithms(deterministic)
    torch.set_num_threads(threads)


def trained(spec, folder):
    """Return what labkit learns, and each step's loss."""
    tokenizer, losses = AutoTokenizer.from_pretrained(spec.model), []
    splits = data.load(spec)
    rows = [
        data.tokenize(part, tokenizer, max_length=spec.max_length)[0]
        for part in (splits.train, splits.validation)
    ]

    def emit(kind, **values):
        if kind == "step":
            losses.append(values["loss"])

    base = training.load_model(spec.model, spec)
    result = training.train(base, tokenizer, *rows, spec, output_dir=folder, emit=emit)
    return weights(result.learned), losses


def weights(folder):
    return load_file(next(folder.glob("*.safetensors")))


@pytest.mark.parametrize("name", CASES)
def test_the_program_learns_the_same_bits_as_the_run(name, asked, program, tmp_path):
    ours, _ = trained(asked(name), tmp_path / "run")
    program(asked(name))
    theirs = weights(tmp_path / ("model" if asked(name).method == "full" else "adapter"))
    assert theirs.keys() == ours.keys()
    assert [n for n, w in ours.items() if not torch.equal(w, theirs[n])] == []


def test_a_packed_runs_losses_are_those_of_the_program(asked, program, tmp_path, capsys):
    _, ours = trained(asked("lora", packing="packed"), tmp_path / "run")
    program(asked("lora", packing="packed"))
    said = [line.split() for line in capsys.readouterr().out.splitlines()]
    theirs = [float(words[-1]) for words in said if words[2:3] == ["loss"]]
    assert theirs == pytest.approx(ours, abs=1e-4)


@pytest.mark.parametrize("method", METHODS)
def test_a_program_is_short_and_has_nothing_of_labkit(method, asked):
    text = files(asked(method), "mine", None)["train.py"]
    assert len([line for line in text.splitlines() if line]) <= 120
    assert max(map(len, text.splitlines())) <= 120
    assert "import labkit" not in text
    assert "from labkit" not in text
    assert "$" not in text


def test_rows_are_text_that_a_person_can_read(asked):
    rows = files(asked("lora"), "mine", None)["rows.jsonl"].splitlines()
    first = json.loads(rows[0])
    assert first["prompt"].startswith("word: ")
    assert first["completion"].strip() in ("animal", "number", "colour")


def test_what_has_no_program_is_said(asked):
    with pytest.raises(SpecError, match="init_lora_weights default, gaussian, orthogonal; got eva"):
        files(asked("lora", init_lora_weights="eva"), "mine", None)


def test_function_command_and_cell_write_the_same_program(workplace, settings, shell):
    shown = labkit.show_code(folder="by function", **settings)
    shell.run_cell("%%finetune --show-code\n" + FinetuneSpec(**settings).to_yaml(changed_only=True))
    (workplace / "spec.yaml").write_text(FinetuneSpec(**settings).to_yaml())
    command = [sys.executable, "-m", "labkit", "finetune", "spec.yaml", "--show-code"]
    printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    texts = [(workplace / name / "train.py").read_text() for name in ("by function", "code")]
    assert texts[0] == texts[1] == shown.text == printed
    (workplace / "code" / "train.py").write_text("# mine")
    with pytest.raises(RunError, match=r"another train\.py in code; nothing was overwritten"):
        labkit.show_code(**settings)


def test_a_runs_program_lies_in_its_folder(workplace, settings):
    run = create("mine", "finetune", FinetuneSpec(**settings))
    shown = labkit.show_code("mine")
    assert shown.path == run.path / "code"
    assert "The run `mine` as a plain program" in shown.text
