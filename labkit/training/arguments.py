"""A spec in the Trainer's words: how many steps, how large a batch, which schedule."""

from dataclasses import dataclass
from pathlib import Path

import torch
from transformers import TrainingArguments

from ..spec import FinetuneSpec
from . import processes
from .schedule import count_steps, cycles, eval_steps, micro_batch, steps_per_epoch, warmup_steps

__all__ = ["How", "arguments", "count_steps", "micro_batch", "steps_per_epoch"]


@dataclass(frozen=True)
class How:
    """How a run computes; kept with the run, so that a resumed one computes the same way."""

    packing: str = "packed"
    """`packed` or `padded`; the loss is the same."""

    share_prefix: bool = True
    """Whether a common prompt prefix is computed once; not exact where there is dropout."""

    precision: str = "fp32"
    """`fp32`, `bf16` or `fp16`."""

    pad_token_id: int = 0
    """Token of the padding, which nothing looks at."""


def arguments(
    spec: FinetuneSpec, n_rows: int, n_validation: int, how: How, folder: Path
) -> TrainingArguments:
    """Return the Trainer's arguments for a spec."""
    steps = count_steps(n_rows, spec)
    every = eval_steps(steps, n_validation, spec)
    has_cycles = spec.lr_scheduler_type == "cosine_with_restarts"
    made = TrainingArguments(
        output_dir=str(folder),
        per_device_train_batch_size=micro_batch(spec),  # of all processes: see `Collated`
        gradient_accumulation_steps=spec.gradient_accumulation_steps,
        max_steps=steps,
        learning_rate=spec.learning_rate,
        lr_scheduler_type=spec.lr_scheduler_type,
        lr_scheduler_kwargs={"num_cycles": cycles(spec)} if has_cycles else None,
        warmup_steps=warmup_steps(steps, spec),
        weight_decay=spec.weight_decay,
        max_grad_norm=spec.max_grad_norm,
        eval_strategy="steps" if n_validation else "no",
        eval_steps=every,
        save_steps=spec.save_steps or every,
        metric_for_best_model="eval_loss",
        greater_is_better=False,
        seed=spec.seed,
        data_seed=spec.seed,
        bf16=how.precision == "bf16",
        fp16=how.precision == "fp16",
        use_cpu=not torch.cuda.is_available(),
        optim=spec.optim,
        logging_steps=1,
        logging_nan_inf_filter=False,
        remove_unused_columns=False,
        dataloader_pin_memory=False,
        dataloader_num_workers=spec.dataloader_num_workers,
        disable_tqdm=True,
        report_to="none",
        ddp_find_unused_parameters=False,
    )
    if processes.size() == 1:
        made._n_gpu = min(made.n_gpu, 1)  # DataParallel would cut the flat sequence in pieces
    return made
