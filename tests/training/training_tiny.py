"""Tiny random models and rows: for mechanics, never for claims."""

import gc
import time
from dataclasses import dataclass
from pathlib import Path

import peft  # noqa: F401 - is imported before the line below
import torch
from tiny import tiny_model

from labkit.spec import FinetuneSpec
from labkit.training import add_adapter, train

gc.freeze()  # each training collects garbage, and what was imported is none


@dataclass(frozen=True)
class Row:
    input_ids: list[int]
    n_prompt: int


def tuned(architecture="llama", **config):
    """Return a tiny model whose adapter already does something, so that all of it has gradients."""
    model = add_adapter(tiny_model(architecture, **config), FinetuneSpec(r=4, lora_alpha=8))
    generator = torch.Generator().manual_seed(3)
    for name, parameter in model.named_parameters():
        if "lora_B" in name:
            parameter.data.normal_(0, 0.05, generator=generator)
    return model.eval()


def rows(n=22, *, shared=9, seed=1):
    """Return rows of different lengths whose prompts begin with `shared` common tokens."""
    generator = torch.Generator().manual_seed(seed)

    def draw(count):
        return torch.randint(3, 199, (count,), generator=generator).tolist()

    start = draw(shared)
    made = []
    for i in range(n):
        prompt = [*start, *draw(1 + i % 5)]
        made.append(Row([*prompt, *draw(1 + i % 3), 2], len(prompt)))
    return made


def spec(**settings):
    quick = {"r": 4, "lora_alpha": 8, "learning_rate": 5e-3, "precision": "fp32", "max_steps": 12}
    return FinetuneSpec(**{**(quick if "method" not in settings else {}), **settings})


class Events(list):
    """Events as they are emitted."""

    def __call__(self, kind, **values):
        self.append({"kind": kind, **values})

    def of(self, kind):
        return [event for event in self if event["kind"] == kind]


def run(output_dir, *, model=None, should_stop=lambda: False, resume=False, **settings):
    """Train a tiny model; return the result and the events."""
    events = Events()
    data = rows(30)
    result = train(
        model or tiny_model(), None, data[:22], data[22:], spec(**settings),
        output_dir=output_dir, emit=events, should_stop=should_stop, resume=resume,
    )  # fmt: skip
    return result, events


def files(folder):
    """Return the bytes of an adapter."""
    return {file.name: file.read_bytes() for file in Path(folder).iterdir()}


def train_in_child(output_dir, settings, hold):
    """Train, and wait at step `hold` for the end."""
    data = rows(30)

    def emit(kind, **values):
        if kind == "step" and values["step"] == hold:
            (Path(output_dir) / f"step-{hold}").touch()
            time.sleep(600)

    train(
        tiny_model(), None, data[:22], data[22:], spec(**settings),
        output_dir=Path(output_dir), emit=emit,
    )  # fmt: skip
