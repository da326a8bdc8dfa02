"""Learning rates in closed form against Transformers' own schedulers, and against real runs."""

import subprocess
import sys

import pytest
import torch
from training_tiny import run, spec
from transformers import get_scheduler

from labkit.training.schedule import batch_sentence, eval_steps, learning_rates, warmup_steps

SHAPES = [
    {"lr_scheduler_type": "linear"},
    {"lr_scheduler_type": "cosine"},
    {"lr_scheduler_type": "cosine", "warmup_ratio": 0.0},
    {"lr_scheduler_type": "constant"},
    {"lr_scheduler_type": "constant_with_warmup"},
    {"lr_scheduler_type": "cosine_with_restarts"},
    {"lr_scheduler_type": "cosine_with_restarts", "num_cycles": 5},
]


def theirs(steps, settings):
    """The learning rates that Transformers' scheduler sets, step after step."""
    optimizer = torch.optim.SGD([torch.zeros(1)], lr=settings.learning_rate)
    cycles = {"num_cycles": settings.num_cycles or 3}
    restarts = settings.lr_scheduler_type == "cosine_with_restarts"
    scheduler = get_scheduler(
        settings.lr_scheduler_type, optimizer, warmup_steps(steps, settings), steps,
        scheduler_specific_kwargs=cycles if restarts else None,
    )  # fmt: skip
    found = []
    for _ in range(steps):
        found.append(scheduler.get_last_lr()[0])
        optimizer.step()
        scheduler.step()
    return found


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("steps", [1, 2, 37, 200])
def test_each_schedule_is_that_of_transformers(shape, steps):
    settings = spec(**shape)
    assert learning_rates(steps, settings) == pytest.approx(theirs(steps, settings), abs=1e-15)


def test_a_schedule_worked_out_by_hand():
    settings = spec(learning_rate=8e-4, lr_scheduler_type="linear", warmup_ratio=0.2)
    rates = learning_rates(10, settings)
    assert rates == pytest.approx([x * 1e-4 for x in (0, 4, 8, 7, 6, 5, 4, 3, 2, 1)])


def test_three_falls_start_from_the_peak_three_times():
    settings = spec(lr_scheduler_type="cosine_with_restarts", warmup_ratio=0.0)
    rates = learning_rates(30, settings)
    assert [i for i, rate in enumerate(rates) if rate == settings.learning_rate] == [0, 10, 20]


@pytest.mark.parametrize("shape", SHAPES[-2:], ids=str)
def test_a_run_takes_the_rates_that_were_drawn_before_it(tmp_path, shape):
    _, events = run(tmp_path, **shape, max_steps=12)
    drawn = learning_rates(12, spec(**shape, max_steps=12))
    assert [e["learning_rate"] for e in events.of("step")] == pytest.approx(drawn, abs=1e-15)


def test_the_batch_is_said_with_its_parts():
    assert batch_sentence(spec(batch_size=16, gradient_accumulation_steps=4)) == (
        "batch 16 = 4 micro-batches x 4 rows"
    )
    assert batch_sentence(spec(batch_size=2, gradient_accumulation_steps=2)) == (
        "batch 2 = 2 micro-batches x 1 row"
    )
    assert batch_sentence(spec(batch_size=8)) == "batch 8"


def test_a_validation_takes_no_longer_than_the_training_since_the_last_one():
    settings = spec(batch_size=8)
    assert eval_steps(192, 90, settings) == 24  # eight of them, each worth four steps
    assert eval_steps(24, 90, settings) == 4  # 90 rows forward: 3.75 steps of 8 rows there and back
    assert eval_steps(192, 5000, settings) == 209
    assert eval_steps(5, 0, settings) == 1
    assert eval_steps(24, 90, spec(batch_size=8, eval_steps=1)) == 1


def test_a_run_shorter_than_that_validates_at_its_end(tmp_path):
    _, events = run(tmp_path, max_steps=3, batch_size=1)
    assert [event["step"] for event in events.of("eval")] == [3]


def test_drawing_a_schedule_loads_no_pytorch():
    code = (
        "import sys; from labkit.training.schedule import learning_rates;"
        "from labkit.spec import FinetuneSpec;"
        "print(len(learning_rates(9, FinetuneSpec())), 'torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "9 False\n"
