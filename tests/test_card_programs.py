"""The program in every model card runs, and answers what the run's own model answers."""

import re

import pytest

import labkit
from labkit import evaluation, training
from labkit.report import SilentView

pytestmark = pytest.mark.process

RUNS = {
    "lora": {},
    "full": {"learning_rate": 1e-3},
    "ia3": {},
    "prompt_tuning": {"num_virtual_tokens": 4},
    "adapter": {"r": 4},
    "head": {"method": "lora", "head": True},
}


def program_of(run):
    card = (run.path / "README.md").read_text()
    return re.search(r"```python\n(.*?)\n```", card, re.DOTALL).group(1)


@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize("name", RUNS)
def test_the_cards_program_answers_as_the_run_does(
    name, workplace, settings, tiny_model, monkeypatch, capsys
):
    asked = settings | {"learning_rate": 2e-2, "max_steps": 4, "method": name} | RUNS[name]
    run = labkit.finetune(name="mine", view=SilentView(), **asked)
    monkeypatch.chdir(run.path)
    capsys.readouterr()
    known = {}
    exec(program_of(run), known)
    said = capsys.readouterr().out.strip()
    if name == "head":
        assert said in run.metrics["labels"]
    else:
        model = training.load_tuned(tiny_model, run.learned, run.spec)
        ids = known["inputs"]["input_ids"][0].tolist()
        assert said == evaluation.generate(model, known["tokenizer"], [ids], 8)[0].strip()
