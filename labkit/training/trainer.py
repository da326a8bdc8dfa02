"""`PackedTrainer`: the Trainer of Transformers on packed batches, with whole checkpoints.

Kept from `transformers.Trainer`: optimizer, schedule, clipping, accumulation, mixed precision,
random state, the position in the data and its restoration, callbacks, DDP. Ours: the batch and its
loss, an evaluation that gathers no logits, and checkpoints that are whole or absent.
"""

import math
import time
from collections.abc import Callable, Sequence
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import DataLoader
from transformers import (
    PrinterCallback,
    ProgressCallback,
    Trainer,
    TrainerState,
)

from .. import machine
from ..data import PairTokens, Tokens
from ..errors import RunFailed
from ..spec import FinetuneSpec
from . import autopsy, batches, checkpoints, losses, pairs, processes
from .arguments import How, arguments
from .batches import Batch, LossSum
from .collated import Changed, Collated
from .methods import head_of, load_weights, save_adapter
from .optimizers import faster_b
from .shortcut import Shortcut
from .signs import curve_of, new_signs


class PackedTrainer(Trainer):
    """A Trainer for rows of tokens.

    Args:
        model: A model ready to learn; for packed batches with its attention set to `packed.NAME`.
        spec: The settings; `max_steps` or the epochs give the number of steps.
        rows: Training and evaluation rows; the latter may be empty.
        how: Batch layout and precision.
        output_dir: Folder of the checkpoints.
        emit: Called as `emit(kind, **values)` with `step`, `eval` and `checkpoint` events.
        loss_sum: What is computed; left out, the loss of the spec.
        change_batch: What is done to each batch; left out, nothing.
    """

    def __init__(  # noqa: PLR0913 - all but three are by name
        self,
        model: torch.nn.Module,
        spec: FinetuneSpec,
        rows: tuple[Sequence[Tokens], Sequence[Tokens]],
        *,
        how: How,
        output_dir: Path,
        emit: Callable[..., None] = lambda kind, **values: None,
        loss_sum: LossSum | None = None,
        change_batch: Callable[[Batch], Batch] | None = None,
    ) -> None:
        self.tuned, self.spec, self.eval_rows = model, spec, list(rows[1])
        self.emit = emit
        self.on_evaluated: Callable[[torch.nn.Module, int], None] | None = None
        self.folder = Path(output_dir)
        self._drafting = False
        self._clock = time.perf_counter()
        self._counts: dict[str, int] = {}
        self._collate = batches.collator(
            how.packing, share_prefix=how.share_prefix, pad_token_id=how.pad_token_id
        )
        if change_batch is not None:
            self._collate = Changed(self._collate, change_batch)
        if isinstance(rows[0][0], PairTokens):
            self._collate = pairs.Paired(self._collate)
        self._loss_sum = loss_sum or partial(batches.loss_sum, of=losses.target_loss(spec))
        if spec.last_layers is not None:
            every = [*rows[0], *rows[1]]
            made = self._collate, self._loss_sum
            short = Shortcut(model, every, *made, folder=self.folder, emit=emit)
            self._collate, self._loss_sum = short.batch, short.loss_sum
        super().__init__(
            model=model,
            args=arguments(spec, len(rows[0]), len(rows[1]), how, self.folder),
            data_collator=Collated(self._collate),
            train_dataset=list(enumerate(rows[0])),
            eval_dataset=self.eval_rows or None,
        )
        self.model_accepts_loss_kwargs = self.loss_is_scaled_for_ga = True  # by compute_loss
        self._head = head_of(model)
        self._origin = ""
        for callback in (PrinterCallback, ProgressCallback):
            self.remove_callback(callback)

    def create_optimizer(self, model: Any = None) -> torch.optim.Optimizer:  # noqa: ANN401
        """Return the optimizer, for LoRA+ with a faster one of `B` (arXiv:2402.12354)."""
        ratio = self.spec.loraplus_lr_ratio
        if self.optimizer is None and ratio is not None:
            kind, options = self.get_optimizer_cls_and_kwargs(self.args)
            self.optimizer = faster_b(self.tuned, kind, options, ratio, self.args.weight_decay)
        return super().create_optimizer(model)

    def get_batch_samples(self, *args: Any, **kwargs: Any) -> tuple[list[Batch], Any]:  # noqa: ANN401
        """Make a step's micro-batches; a step's time starts here."""
        self._clock = time.perf_counter()
        return super().get_batch_samples(*args, **kwargs)

    def _get_num_items_in_batch(self, made: list[Batch], device: torch.device) -> Tensor:
        """Count a step over all processes: its targets, its tokens, what its loss is divided by."""
        busy = [batch for batch in made if "idle" not in batch]
        counts = processes.gathered(
            (
                sum(batch["targets"].numel() for batch in busy),
                sum(batch["input_ids"].numel() for batch in busy),
                sum(map(batches.n_items, busy)),
            )
        )
        targets, tokens, items = (sum(of) for of in zip(*counts, strict=True))
        self._counts = {"tokens": int(targets), "n_tokens": int(tokens)}
        return torch.tensor(items, device=device)

    def get_train_dataloader(self) -> DataLoader[Any]:
        """Return the batches of all processes: each takes its own rows out of every one.

        So the order of the rows, and the rows of a step, are those of one process.
        """
        loader = super().get_train_dataloader()
        shard: Any = loader.batch_sampler
        if processes.size() > 1:
            shard.num_processes, shard.process_index, shard.even_batches = 1, 0, False
        return loader

    def compute_loss(
        self,
        model: torch.nn.Module,
        inputs: Batch,
        return_outputs: bool = False,
        num_items_in_batch: Tensor | int | None = None,
    ) -> Tensor:
        """Return this micro-batch's part of the step's mean loss, per target token."""
        n_items = batches.n_items(inputs) if num_items_in_batch is None else num_items_in_batch
        loss = self._loss_sum(model, inputs, self._head) / n_items
        if "idle" in inputs:
            loss = loss * 0  # a gradient like the others have, of nothing
        self._look_at(loss, model, inputs)
        return loss * processes.size()  # DDP takes the mean over processes

    def _look_at(self, loss: Tensor, model: torch.nn.Module, inputs: Batch) -> None:
        """Keep where the first loss that is not finite came from."""
        if not self._origin and not loss.isfinite():
            self._origin = self._came_from(model, inputs)

    def _came_from(self, model: torch.nn.Module, inputs: Batch) -> str:
        """Return sentences on where a loss that is not finite came from."""
        where = autopsy.origin(self.tuned, lambda: self._loss_sum(model, inputs, self._head))
        named = ", ".join(map(str, inputs["places"].tolist()))
        return f" {where} Its training rows, counted from 0: {named}."

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """Keep what the Trainer measured, and tell about a step."""
        super().log(logs, start_time)
        if "loss" in logs:
            self.told(logs)

    def told(self, logs: dict[str, float]) -> None:
        """Emit a step's event.

        Raises:
            RunFailed: The loss is not finite.
        """
        step, of = self.state.global_step, self.state.max_steps
        values = {name: logs[name] for name in ("loss", "learning_rate", "grad_norm")}
        values["seconds"] = time.perf_counter() - self._clock
        self.emit("step", step=step, max_steps=of, **values, **self._counts)
        if not math.isfinite(logs["loss"]):
            origin = "".join(dict.fromkeys(processes.gathered(self._origin)))
            raise RunFailed(
                f"The loss is not a finite number at step {step}; got {logs['loss']}.{origin}",
                hint="Lower learning_rate, or set precision to fp32.",
            )

    def evaluate(self, *_: Any, **__: Any) -> dict[str, float]:  # noqa: ANN401 - the Trainer's
        """Return `eval_loss`: the mean loss of all evaluation targets."""
        self.tuned.eval()
        sums = processes.gathered(self._eval_sums([*batches.for_evaluation(self.eval_rows)]))
        counts = map(pairs.items_of, self.eval_rows)
        metrics = {"eval_loss": math.fsum(chain.from_iterable(sums)) / math.fsum(counts)}
        self.log(dict(metrics))
        self.emit("eval", step=self.state.global_step, eval_loss=metrics["eval_loss"])
        for sign in new_signs(*curve_of(self.state.log_history)):
            self.emit("note", text=sign.text, sign=sign.name)
        self._show()
        machine.give_back_memory()  # batches of all lengths leave holes
        self.control = self.callback_handler.on_evaluate(
            self.args, self.state, self.control, metrics
        )
        return metrics

    def _show(self) -> None:
        """Let the first process look at the model after a validation."""
        if self.on_evaluated is not None and processes.is_first():
            self.on_evaluated(self.tuned, self.state.global_step)

    def _eval_sums(self, made: Sequence[Sequence[Tokens]]) -> list[float]:
        """Return the summed losses of this process's share of some batches."""
        return [self._eval_sum(rows) for rows in processes.mine(made)]

    @torch.no_grad()
    def _eval_sum(self, rows: Sequence[Tokens]) -> float:
        batch = batches.to_device(self._collate(rows), self.args.device)
        return float(self._loss_sum(self.tuned, batch, self._head))

    def restore_state(self, checkpoint: Path) -> None:
        """Take the state of a run that ended with this checkpoint; there is nothing to train."""
        self.state = TrainerState.load_from_json(str(checkpoint / "trainer_state.json"))

    def _get_output_dir(self, trial: Any) -> str:  # noqa: ANN401 - the Trainer's
        return str(self.folder / checkpoints.DRAFT if self._drafting else self.folder)

    def _save_checkpoint(self, model: torch.nn.Module, trial: Any) -> None:  # noqa: ANN401
        """Save a checkpoint whole."""
        name = f"checkpoint-{self.state.global_step}"
        draft, final = self.folder / checkpoints.DRAFT / name, self.folder / name
        processes.agreed(lambda: checkpoints.clean(self.folder))
        self._drafting = True
        try:
            super()._save_checkpoint(model, trial)
        finally:
            self._drafting = False
        if self.state.best_global_step == self.state.global_step:
            self.state.best_model_checkpoint = str(final)
            if processes.is_first():
                self.state.save_to_json(str(draft / "trainer_state.json"))
        processes.gathered(None)  # all have written their random states
        processes.agreed(lambda: self._publish(draft, final))

    def _publish(self, draft: Path, final: Path) -> None:
        """Give a checkpoint its name; keep it, the best one, and as many as the spec says."""
        checkpoints.publish(draft, final)
        best = Path(self.state.best_model_checkpoint or final)
        limit = self.spec.save_total_limit
        checkpoints.prune(self.folder, checkpoints.worth_keeping(self.folder, best, limit))
        self.emit("checkpoint", step=self.state.global_step, path=str(final))

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: Any = None) -> None:  # noqa: ANN401
        load_weights(self.tuned, Path(resume_from_checkpoint))

    def _save(self, output_dir: str | None = None, state_dict: Any = None) -> None:  # noqa: ANN401
        if processes.is_first():
            save_adapter(self.tuned, Path(output_dir or self.folder))
