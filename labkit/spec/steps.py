"""How a fine-tuning proceeds: steps, batches, schedule, validation, checkpoints."""

from dataclasses import dataclass

from ..errors import SpecError
from ..settings import Spec, setting


def check_one_process(processes: int, who: str) -> None:
    """Refuse several processes for runs that share a base model.

    Raises:
        SpecError: There are several.
    """
    if processes != 1:
        raise SpecError(
            f"processes must be 1 where {who} share one base model in memory; got {processes}.",
            hint="Leave processes out, or fine-tune in a run of its own.",
        )


@dataclass(frozen=True, kw_only=True)
class StepSettings(Spec):
    """Steps, batches, schedule, arithmetic, validation and checkpoints."""

    optim: str = setting(
        "adamw_torch_fused", choices=("adamw_torch_fused", "adamw_torch", "adafactor", "sgd")
    )
    """Optimizer; `adafactor` and `sgd` keep less beside each weight than AdamW's 8 bytes."""

    lr_scheduler_type: str = setting(
        "cosine",
        choices=(
            "cosine",
            "linear",
            "constant",
            "constant_with_warmup",
            "cosine_with_restarts",
        ),
    )
    """How the learning rate falls after warm-up."""

    num_cycles: int | None = setting(None, at_least=1, at_most=100, unit="falls")
    """Times that `cosine_with_restarts` falls, starting from the peak each time; left out: 3."""

    warmup_ratio: float = setting(0.1, at_least=0, at_most=0.9, unit="share of the steps")
    """Share of the steps in which the learning rate rises from 0 to its peak."""

    weight_decay: float = setting(0.0, at_least=0, at_most=1)
    """AdamW weight decay."""

    max_grad_norm: float = setting(1.0, above=0, unit="gradient norm")
    """Gradients longer than this are shortened to it."""

    batch_size: int = setting(8, at_least=1, at_most=65536, unit="rows per optimizer step")
    """Rows per optimizer step, accumulation included."""

    gradient_accumulation_steps: int = setting(1, at_least=1, unit="micro-batches per step")
    """Micro-batches an optimizer step is computed in; more of them need less memory."""

    processes: int = setting(1, at_least=1, at_most=64, unit="processes on this machine")
    """Processes that train side by side, each on its share of every batch: one for each GPU, or on
    processors with many cores."""

    fsdp: bool = False
    """Share the weights out among the processes (FSDP), each holding its part of them, in place of
    a whole model in each (DDP)."""

    device_map: str | None = setting(None, choices=("auto",))
    """Where there are several GPUs: spread the layers of one model over them, by Accelerate, for a
    model that is larger than one of them."""

    dataloader_num_workers: int = setting(0, at_least=0, at_most=64, unit="processes")
    """Processes that make batches ahead of the steps. Rows are token ids already and a batch takes
    milliseconds, so 0, which makes them between steps, is as fast and takes less memory."""

    num_train_epochs: float = setting(3.0, above=0, at_most=1000, unit="passes over the rows")
    """Passes over the training rows; fractions are allowed."""

    max_steps: int | None = setting(None, at_least=1, unit="optimizer steps")
    """Optimizer steps to take; overrides `num_train_epochs`."""

    gradient_checkpointing: bool = False
    """Recompute activations in the backward pass: less memory, about 40 % more time."""

    precision: str = setting("auto", choices=("auto", "fp32", "bf16"))
    """Arithmetic of the matrix products; `auto` measures which is faster on this machine."""

    packing: str = setting("auto", choices=("auto", "packed", "padded"))
    """Batch layout; `auto` packs rows without padding where that is exact, and says so."""

    eval_steps: int | None = setting(None, at_least=1, unit="optimizer steps")
    """Optimizer steps between validations; left out: about eight in a run, fewer where they
    would take longer than the training between them."""

    save_steps: int | None = setting(None, at_least=1, unit="optimizer steps")
    """Optimizer steps between checkpoints; left out: at each validation."""

    save_total_limit: int = setting(2, at_least=1, at_most=1000, unit="checkpoints")
    """Checkpoints kept; the newest and the best are always among them."""

    early_stopping_patience: int = setting(0, at_least=0, unit="validations")
    """Stop after this many validations without a better loss; 0 never stops early."""

    load_best_model_at_end: bool = True
    """Keep the adapter of the best validation, not that of the last step."""

    n_samples: int = setting(3, at_least=0, at_most=20, unit="validation rows")
    """Rows answered by the model at each validation, to watch it learn."""

    report_to: str = setting("none", choices=("none", "tensorboard"))
    """Also write every measurement as TensorBoard logs, into the run's folder."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self._check_batch()
        if self.num_cycles is not None and self.lr_scheduler_type != "cosine_with_restarts":
            raise SpecError(
                f"num_cycles goes with lr_scheduler_type cosine_with_restarts; got "
                f"{self.lr_scheduler_type!r}.",
                hint="Leave num_cycles out.",
            )

    def _check_batch(self) -> None:
        parts = self.gradient_accumulation_steps
        if self.batch_size % parts:
            raise SpecError(
                f"batch_size must be a multiple of gradient_accumulation_steps ({parts}); "
                f"got {self.batch_size!r}.",
                hint=f"Nearest: batch_size {max(1, round(self.batch_size / parts)) * parts}.",
            )
        if self.batch_size // parts < self.processes:
            raise SpecError(
                f"Each of {self.processes} processes must have a row of every micro-batch; got "
                f"{self.batch_size // parts} of batch_size {self.batch_size} in {parts}.",
                hint=f"Nearest: batch_size {self.processes * parts}.",
            )
