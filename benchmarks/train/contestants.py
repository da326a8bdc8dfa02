"""The configurations, each trained by its own trainer's `train()`."""

import tempfile
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from clock import Clock, Lap
from material import SETTINGS, Material
from transformers import PrinterCallback, Trainer, TrainingArguments
from transformers.trainer_utils import SaveStrategy

from labkit.data import Tokens
from labkit.spec import FinetuneSpec
from labkit.training import How, PackedTrainer, check, packed
from labkit.training.surroundings import quiet, reproducible

IGNORE = -100
"""Label without loss."""


@dataclass(frozen=True)
class Contestant:
    """One configuration."""

    title: str
    build: Callable[[Material, Sequence[Tokens], dict[str, Any]], Trainer]
    bf16: bool = False
    """Whether the matrix products are in bfloat16."""
    packed: bool = False
    """Whether the model gets labkit's packed attention."""
    ours: bool = False
    """Whether labkit trains it."""


def lap(
    key: str, material: Material, rows: Sequence[Tokens], steps: int, *, tells: bool = False
) -> Lap:
    """Train `steps` steps from the common first adapter."""
    contestant = CONTESTANTS[key]
    clock, losses = Clock(tells=tells), []
    with tempfile.TemporaryDirectory(dir=material.work) as folder, quiet(), _as_run(contestant):
        trainer = contestant.build(material, rows, {"output_dir": folder, "max_steps": steps})
        trainer.args.save_strategy = SaveStrategy.NO
        trainer.remove_callback(PrinterCallback)
        trainer.add_callback(clock)
        _record(trainer, losses)
        attend = packed.NAME if contestant.packed else None
        with check.attention(trainer.model, attend) if attend else nullcontext():
            trainer.train()
    return clock.lap(losses)


def _as_run(contestant: Contestant) -> Any:
    """Give labkit's trainer what surrounds it in a run."""
    return reproducible(SETTINGS["seed"]) if contestant.ours else nullcontext()


def _record(trainer: Trainer, losses: list[float]) -> None:
    """Append each step's loss, which the logs round, to `losses`."""
    step = trainer.training_step

    def recorded(*args: Any, **kwargs: Any) -> torch.Tensor:
        loss = step(*args, **kwargs)
        losses.append(float(loss))
        return loss

    trainer.training_step = recorded


def _common(more: dict[str, Any]) -> dict[str, Any]:
    """Return what the plain Trainer and TRL are told alike; the rest is their own default."""
    return {
        "per_device_train_batch_size": SETTINGS["batch_size"],
        "learning_rate": SETTINGS["learning_rate"],
        "lr_scheduler_type": SETTINGS["lr_scheduler_type"],
        "seed": SETTINGS["seed"],
        "data_seed": SETTINGS["seed"],
        "use_cpu": True,
        "save_strategy": "no",
        "report_to": "none",
        "disable_tqdm": True,
        "dataloader_pin_memory": False,
        **more,
    }


def _plain(material: Material, rows: Sequence[Tokens], more: dict[str, Any]) -> Trainer:
    pad = material.tokenizer.pad_token_id
    return Trainer(
        model=material.model(),
        args=TrainingArguments(**_common(more), remove_unused_columns=False),
        train_dataset=list(rows),
        data_collator=lambda batch: padded(batch, pad),
    )


def padded(batch: Sequence[Tokens], pad: int) -> dict[str, torch.Tensor]:
    """Return a batch as any tutorial writes it: padded, with labels on the completions."""
    ids = [torch.tensor(row.input_ids) for row in batch]
    labels = [
        torch.tensor([IGNORE] * row.n_prompt + row.input_ids[row.n_prompt :]) for row in batch
    ]
    together = torch.nn.utils.rnn.pad_sequence
    return {
        "input_ids": together(ids, batch_first=True, padding_value=pad),
        "attention_mask": together([torch.ones_like(i) for i in ids], batch_first=True),
        "labels": together(labels, batch_first=True, padding_value=IGNORE),
    }


def _trl(**settings: Any) -> Callable[[Material, Sequence[Tokens], dict[str, Any]], Trainer]:
    """Return a builder of TRL's trainer: the same tokens, loss on the completions alone."""

    def build(material: Material, rows: Sequence[Tokens], more: dict[str, Any]) -> Trainer:
        import datasets
        from trl import SFTConfig, SFTTrainer

        datasets.disable_progress_bars()
        parts = [(row.n_prompt, len(row.input_ids) - row.n_prompt) for row in rows]
        masks = [[0] * prompt + [1] * completion for prompt, completion in parts]
        columns = {"input_ids": [row.input_ids for row in rows], "completion_mask": masks}
        return SFTTrainer(
            model=material.model(),
            args=SFTConfig(**_common(more), completion_only_loss=True, **settings),
            train_dataset=datasets.Dataset.from_dict(columns),
            processing_class=material.tokenizer,
        )

    return build


def _labkit(
    packing: str, precision: str
) -> Callable[[Material, Sequence[Tokens], dict[str, Any]], Trainer]:
    """Return a builder of labkit's trainer."""

    def build(material: Material, rows: Sequence[Tokens], more: dict[str, Any]) -> Trainer:
        spec = FinetuneSpec(**SETTINGS, max_steps=more["max_steps"])
        how = How(packing, packing == "packed", precision, material.tokenizer.pad_token_id)
        folder = Path(more["output_dir"])
        return PackedTrainer(material.model(), spec, (rows, []), how=how, output_dir=folder)

    return build


FULL = {"bf16": False, "gradient_checkpointing": False}
BEST = {"bf16": True, "gradient_checkpointing": False}
CONTESTANTS = {
    "plain": Contestant("Trainer, padded, fp32", _plain),
    "trl": Contestant("TRL, its defaults (bf16, checkpointing)", _trl(), bf16=True),
    "trl_fp32": Contestant("TRL, fp32, no checkpointing", _trl(**FULL)),
    "trl_bf16": Contestant("TRL, bf16, no checkpointing", _trl(**BEST), bf16=True),
    "padded": Contestant("labkit, padded, fp32", _labkit("padded", "fp32"), ours=True),
    "packed": Contestant("labkit, packed, fp32", _labkit("packed", "fp32"), packed=True, ours=True),
    "packed_bf16": Contestant(
        "labkit, packed, bf16", _labkit("packed", "bf16"), bf16=True, packed=True, ours=True
    ),
}
