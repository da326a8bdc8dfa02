"""The promises of a run, kept with the real model."""

import multiprocessing
import os
import signal
import time
from pathlib import Path

import pytest
import torch
from test_training_trainer import ours, reference
from training_tiny import Events, Row, files, spec

from labkit.training import plan, train
from labkit.training.surroundings import quiet

pytestmark = pytest.mark.model

TONES = ("joy", "fear", "anger", "neutral")
PHRASES = ("I passed!", "Who is there?", "Not again.", "It is noon.", "We won.", "Run!", "Give it.")


@pytest.fixture(scope="module", autouse=True)
def _two_threads():
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def real():
    from labkit.catalog import resolve_model

    return resolve_model("smollm2-135m")


def load(folder):
    from transformers import AutoModelForCausalLM

    with quiet():
        return AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)


def phrases(folder):
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    made = []
    for i, phrase in enumerate(PHRASES * 2):
        prompt = tokenizer(f"Tone of the phrase.\n{phrase} Tone:").input_ids
        made.append(Row([*prompt, *tokenizer(f" {TONES[i % 4]}").input_ids, 2], len(prompt)))
    return made


def test_the_first_losses_of_the_real_model_are_those_of_the_plain_trainer(tmp_path, real):
    settings = spec(
        max_steps=4, batch_size=2, r=16, lora_alpha=32, learning_rate=5e-4, warmup_ratio=0.5
    )  # two steps of warm-up, as the reference has
    data = phrases(real)
    with quiet():
        expected = reference(tmp_path / "a", data, settings, load(real))
        found = ours(tmp_path / "b", data, settings, "packed", load(real))
    assert found.losses == pytest.approx(expected.losses, abs=1e-4)
    first = (found.gradients[0] - expected.gradients[0]).norm() / expected.gradients[0].norm()
    assert first <= 1e-5


def child(folder, output_dir, hold):
    torch.set_num_threads(2)

    def emit(kind, **values):
        if kind == "checkpoint" and values["step"] == hold:
            (Path(output_dir) / "held").touch()
            time.sleep(600)

    data = phrases(folder)
    train(load(folder), None, data[:10], data[10:], FOUR, output_dir=output_dir, emit=emit)


FOUR = spec(max_steps=4, batch_size=2, r=16, lora_alpha=32, learning_rate=5e-4, eval_steps=2)


def test_the_real_model_killed_and_resumed_gives_the_same_adapter(tmp_path, real):
    data = phrases(real)

    def run(output_dir, resume):
        events = Events()
        train(
            load(real), None, data[:10], data[10:], FOUR, output_dir=output_dir, emit=events,
            resume=resume,
        )  # fmt: skip
        return [e["step"] for e in events.of("step")]

    run(tmp_path / "alone", False)
    (tmp_path / "killed").mkdir()
    worker = multiprocessing.get_context("forkserver").Process(
        target=child, args=(real, tmp_path / "killed", 2)
    )
    worker.start()
    deadline = time.monotonic() + 300
    while not (tmp_path / "killed/held").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    os.kill(worker.pid, signal.SIGKILL)
    worker.join()
    assert run(tmp_path / "killed", True) == [3, 4]
    assert files(tmp_path / "killed/adapter") == files(tmp_path / "alone/adapter")


def test_the_plan_of_the_real_model(real):
    found = plan(load(real), phrases(real), spec(r=16))
    assert found.trainable == 4_884_480
    assert found.total == 134_515_008 + found.trainable
