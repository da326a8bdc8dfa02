"""`PackedTrainer`: the Trainer of Transformers on packed batches, with whole checkpoints.

Kept from `transformers.Trainer`: optimizer, schedule, clipping, accumulation, mixed precision,
random state, the position in the data and its restoration, callbacks, DDP. Ours: the batch and its
loss, an evaluation that gathers no logits, and checkpoints that are whole or absent.
"""

import math
import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from transformers import (
    PrinterCallback,
    ProgressCallback,
    Trainer,
    TrainerState,
    TrainingArguments,
)

from ..errors import RunFailed
from ..spec import FinetuneSpec
from . import batches, checkpoints
from .batches import Batch, Tokens

if TYPE_CHECKING:
    from peft import PeftModel

EVAL_TOKENS = 2048
"""Tokens of an evaluation batch; without a backward pass that is less than a step needs."""

EVAL_TARGETS = 256
"""Target tokens of an evaluation batch, which bounds the logits."""


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


class PackedTrainer(Trainer):  # type: ignore[misc]
    """A Trainer for rows of tokens.

    Args:
        model: A PEFT model; for packed batches with its attention set to `packed.NAME`.
        spec: The settings; `max_steps` or the epochs give the number of steps.
        rows: Training and evaluation rows; the latter may be empty.
        how: Batch layout and precision.
        output_dir: Folder of the checkpoints.
        emit: Called as `emit(kind, **values)` with `step`, `eval` and `checkpoint` events.
    """

    def __init__(
        self,
        model: "PeftModel",
        spec: FinetuneSpec,
        rows: tuple[Sequence[Tokens], Sequence[Tokens]],
        *,
        how: How,
        output_dir: Path,
        emit: Callable[..., None] = lambda kind, **values: None,
    ) -> None:
        self.how = how
        self.emit = emit
        self.on_evaluated: Callable[[PeftModel, int], None] | None = None
        self.folder = Path(output_dir)
        self._drafting = False
        self._clock = time.perf_counter()
        self._counts: dict[str, int] = {}
        self._collate = batches.collator(
            how.packing, share_prefix=how.share_prefix, pad_token_id=how.pad_token_id
        )
        super().__init__(
            model=model,
            args=arguments(spec, len(rows[0]), bool(rows[1]), how, self.folder),
            data_collator=self._collate,
            train_dataset=list(rows[0]),
            eval_dataset=list(rows[1]) or None,
        )
        self.model_accepts_loss_kwargs = self.loss_is_scaled_for_ga = True  # by compute_loss
        self._head = model.get_base_model().get_output_embeddings()
        for callback in (PrinterCallback, ProgressCallback):
            self.remove_callback(callback)

    def get_batch_samples(self, *args: Any, **kwargs: Any) -> tuple[list[Batch], Any]:  # noqa: ANN401
        """Make a step's micro-batches; a step's time starts here."""
        self._clock = time.perf_counter()
        made, n_items = super().get_batch_samples(*args, **kwargs)
        self._counts = {
            "tokens": sum(batch["targets"].numel() for batch in made),
            "n_tokens": sum(batch["input_ids"].numel() for batch in made),
        }
        return made, n_items

    def _get_num_items_in_batch(self, made: list[Batch], device: torch.device) -> Tensor:
        count = torch.tensor(sum(batch["targets"].numel() for batch in made), device=device)
        return self.accelerator.gather(count).sum() if self.args.world_size > 1 else count  # type: ignore[no-any-return]

    def compute_loss(
        self,
        model: torch.nn.Module,
        inputs: Batch,
        return_outputs: bool = False,
        num_items_in_batch: Tensor | None = None,
    ) -> Tensor:
        """Return this micro-batch's part of the step's mean loss, in nats per target token."""
        n_items = inputs["targets"].numel() if num_items_in_batch is None else num_items_in_batch
        loss = batches.loss_sum(model, inputs, self._head) / n_items
        return loss * self.accelerator.num_processes  # DDP takes the mean over processes

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """Emit a step's event.

        Raises:
            RunFailed: The loss is not finite.
        """
        super().log(logs, start_time)
        if "loss" not in logs:
            return
        values = {name: logs[name] for name in ("loss", "learning_rate", "grad_norm")}
        step, seconds = self.state.global_step, time.perf_counter() - self._clock
        self.emit(
            "step",
            step=step,
            max_steps=self.state.max_steps,
            seconds=seconds,
            **values,
            **self._counts,
        )
        if not math.isfinite(logs["loss"]):
            raise RunFailed(
                f"The loss is not a finite number at step {step}; got {logs['loss']}.",
                hint="Lower learning_rate, or set precision to fp32.",
            )

    def evaluate(self, *_: Any, **__: Any) -> dict[str, float]:  # noqa: ANN401 - the Trainer's
        """Return `eval_loss`: mean cross-entropy of all evaluation targets, nats per token."""
        self.model.eval()
        sums = [self._eval_sum(rows) for rows in eval_batches(self.eval_dataset)]
        n_targets = sum(map(batches.n_targets, self.eval_dataset))
        metrics = {"eval_loss": math.fsum(sums) / n_targets}
        self.log(dict(metrics))
        self.emit("eval", step=self.state.global_step, eval_loss=metrics["eval_loss"])
        if self.on_evaluated is not None:
            self.on_evaluated(self.model, self.state.global_step)
        self.control = self.callback_handler.on_evaluate(
            self.args, self.state, self.control, metrics
        )
        return metrics

    @torch.no_grad()
    def _eval_sum(self, rows: Sequence[Tokens]) -> float:
        batch = batches.to_device(self._collate(rows), self.args.device)
        return float(batches.loss_sum(self.model, batch, self._head))

    def restore_state(self, checkpoint: Path) -> None:
        """Take the state of a run that ended with this checkpoint; there is nothing to train."""
        self.state = TrainerState.load_from_json(str(checkpoint / "trainer_state.json"))

    def _get_output_dir(self, trial: Any) -> str:  # noqa: ANN401 - the Trainer's
        return str(self.folder / checkpoints.DRAFT if self._drafting else self.folder)

    def _save_checkpoint(self, model: torch.nn.Module, trial: Any) -> None:  # noqa: ANN401
        """Save a checkpoint whole, and keep it, the best one, and no other."""
        name = f"checkpoint-{self.state.global_step}"
        draft, final = self.folder / checkpoints.DRAFT / name, self.folder / name
        checkpoints.clean(self.folder)
        self._drafting = True
        try:
            super()._save_checkpoint(model, trial)
        finally:
            self._drafting = False
        if self.state.best_global_step == self.state.global_step:
            self.state.best_model_checkpoint = str(final)
            self.state.save_to_json(str(draft / "trainer_state.json"))
        checkpoints.publish(draft, final)
        checkpoints.prune(self.folder, {final, Path(self.state.best_model_checkpoint or final)})
        self.emit("checkpoint", step=self.state.global_step, path=str(final))

    def _save(self, output_dir: str | None = None, state_dict: Any = None) -> None:  # noqa: ANN401
        save_adapter(self.model, Path(output_dir or self.folder))


def arguments(
    spec: FinetuneSpec, n_rows: int, evaluates: bool, how: How, folder: Path
) -> TrainingArguments:
    """Return the Trainer's arguments for a spec."""
    steps = count_steps(n_rows, spec)
    every = spec.eval_steps or max(1, steps // 8)
    processes = int(os.environ.get("WORLD_SIZE", "1"))
    has_warmup = spec.lr_scheduler_type != "constant"
    return TrainingArguments(
        output_dir=str(folder),
        per_device_train_batch_size=max(1, micro_batch(spec) // processes),
        gradient_accumulation_steps=spec.gradient_accumulation_steps,
        max_steps=steps,
        learning_rate=spec.learning_rate,
        lr_scheduler_type=spec.lr_scheduler_type,
        warmup_steps=min(math.ceil(spec.warmup_ratio * steps), steps - 1) if has_warmup else 0,
        weight_decay=spec.weight_decay,
        max_grad_norm=spec.max_grad_norm,
        eval_strategy="steps" if evaluates else "no",
        eval_steps=every,
        save_steps=spec.save_steps or every,
        metric_for_best_model="eval_loss",
        greater_is_better=False,
        seed=spec.seed,
        data_seed=spec.seed,
        bf16=how.precision == "bf16",
        fp16=how.precision == "fp16",
        use_cpu=not torch.cuda.is_available(),
        optim="adamw_torch_fused",
        logging_steps=1,
        logging_nan_inf_filter=False,
        remove_unused_columns=False,
        dataloader_pin_memory=False,
        disable_tqdm=True,
        report_to="none",
    )


def micro_batch(spec: FinetuneSpec) -> int:
    """Return the rows of one forward pass."""
    return spec.batch_size // spec.gradient_accumulation_steps


def count_steps(n_rows: int, spec: FinetuneSpec) -> int:
    """Return the optimizer steps of a run; the last step of an epoch may have fewer rows."""
    if spec.max_steps is not None:
        return spec.max_steps
    n_micro = math.ceil(n_rows / micro_batch(spec))
    return math.ceil(spec.num_train_epochs * math.ceil(n_micro / spec.gradient_accumulation_steps))


def eval_batches(rows: Sequence[Tokens]) -> Iterator[list[Tokens]]:
    """Cut rows into batches of limited size, rows of similar length together."""
    batch: list[Tokens] = []
    for row in sorted(rows, key=lambda row: len(row.input_ids)):
        grown = [*batch, row]
        n_tokens, n_targets = (
            sum(len(r.input_ids) for r in grown),
            sum(map(batches.n_targets, grown)),
        )
        if batch and (n_tokens > EVAL_TOKENS or n_targets > EVAL_TARGETS):
            yield batch
            batch = []
        batch.append(row)
    if batch:
        yield batch


def save_adapter(model: "PeftModel", folder: Path) -> None:
    """Write the adapter in PEFT's format; the vocabulary is not changed, so not saved."""
    model.save_pretrained(str(folder), save_embedding_layers=False)
