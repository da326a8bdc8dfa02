"""`ShardedTrainer`: a `PackedTrainer` whose model is shared out among the processes (FSDP).

What one process does by itself elsewhere needs all of them here: a forward pass brings the weights
together, so each process makes as many, and where one looks at the model alone it is whole first.
"""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ..data import Tokens
from . import processes, sharding
from .batches import Batch
from .methods import is_adapted, save_adapter
from .trainer import PackedTrainer


class ShardedTrainer(PackedTrainer):
    """A Trainer that keeps a part of each weight in each process; see `PackedTrainer`."""

    def _prepare_for_training(self, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401
        """Share out the model before the optimizer is made for it."""
        sharding.shard(self.tuned)
        n = processes.size()
        self.emit("note", text=f"Each of {n} processes holds its part of the weights (FSDP).")
        self.is_distributed_loading_by_transformers = True  # so it is not wrapped in DDP
        try:
            return super()._prepare_for_training(*args, **kwargs)  # type: ignore[no-untyped-call]
        finally:
            self.is_distributed_loading_by_transformers = False

    def create_optimizer(self, model: Any = None) -> torch.optim.Optimizer:  # noqa: ANN401
        """Return the optimizer; its state is told, and taken, as one process would have it."""
        is_new = self.optimizer is None
        made = super().create_optimizer(model)
        if is_new:
            made.register_state_dict_post_hook(sharding.gathered_state)
            made.register_load_state_dict_pre_hook(sharding.shared_out_state)
        return made

    def _look_at(self, loss: Tensor, model: nn.Module, inputs: Batch) -> None:
        """Look for the origin of a loss together, as it takes a forward pass."""
        lost = not bool(loss.isfinite())
        everywhere = processes.gathered((lost, self._origin))
        if any(lost for lost, _ in everywhere) and not any(said for _, said in everywhere):
            said = self._came_from(model, inputs)
            self._origin = said if lost else ""

    def _clip_grad_norm(self, model: nn.Module) -> Tensor:
        return sharding.full_tensor(super()._clip_grad_norm(model))  # type: ignore[no-untyped-call]

    def _show(self) -> None:
        """Bring the model together for the first process to look at."""
        if self.on_evaluated is not None:
            with sharding.whole(self.tuned):
                super()._show()

    def _eval_sums(self, made: Sequence[Sequence[Tokens]]) -> list[float]:
        """Return the sums of this process's share; it makes as many forward passes as any."""
        found = super()._eval_sums(made)
        for _ in range(math.ceil(len(made) / processes.size()) - len(found)):
            self._eval_sum(made[0])
        return found

    def _save(self, output_dir: str | None = None, state_dict: Any = None) -> None:  # noqa: ANN401
        state = None if is_adapted(self.tuned) else sharding.full_state(self.tuned)
        if processes.is_first():
            save_adapter(self.tuned, Path(output_dir or self.folder), state)

    def _save_optimizer_and_scheduler(self, output_dir: str) -> None:
        """Save what one process would: the others give it their parts."""
        if self.optimizer is not None and not processes.is_first():
            self.optimizer.state_dict()
        super()._save_optimizer_and_scheduler(output_dir)
