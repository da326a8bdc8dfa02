"""One fine-tuning from tokens to saved, proven weights.

The same spec, rows and number of threads give the same weights bit for bit, also when the run was
killed and resumed; another number of threads rounds differently.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from ..data import Tokens
from ..errors import RunError
from ..spec import FinetuneSpec
from . import checkpoints, processes, proof, sharding
from .arguments import How
from .batches import Batch
from .callbacks import Conductor, is_impatient
from .decide import Case, computing, decide, pad_token_of
from .learned import Learned
from .methods import adapter_facts, remarks
from .own_loss import OwnLoss
from .pairs import sides
from .ready import ready
from .sharded import ShardedTrainer
from .special_loss import special_loss
from .surroundings import quiet, reproducible, undisturbing
from .trainer import PackedTrainer

if TYPE_CHECKING:
    from torch import nn
    from transformers import PreTrainedTokenizerBase


@dataclass(frozen=True)
class TrainResult:
    """What a fine-tuning ended with."""

    status: str
    """`done`, or `stopped` when it was asked to."""

    step: int
    """Optimizer steps taken, those before a resume included."""

    max_steps: int
    """Optimizer steps planned."""

    learned: Path
    """Folder of what was learned: `adapter`, or of a whole model `model`."""

    adapter_step: int
    """Step that what was saved comes from: the best validation's, or the last."""

    eval_loss: float | None
    """Validation loss of the best evaluation, in nats per target token."""

    seconds: float
    """Wall time of this call, in seconds."""

    trainable: int
    """Parameters that learned."""

    how: How
    """Batch layout and precision."""


def train(  # noqa: PLR0913 - the one way in; all but five are by name
    model: "nn.Module",
    tokenizer: "PreTrainedTokenizerBase | None",
    tokens_train: Sequence[Tokens],
    tokens_eval: Sequence[Tokens],
    spec: FinetuneSpec,
    *,
    output_dir: Path,
    emit: Callable[..., None],
    should_stop: Callable[[], bool] = lambda: False,
    on_evaluate: "Callable[[nn.Module, int], None] | None" = None,
    resume: bool = False,
    labels: Sequence[str] = (),
    own_loss: OwnLoss | None = None,
    teacher: "nn.Module | None" = None,
    on_ready: "Callable[[nn.Module, How], FinetuneSpec] | None" = None,
    change_batch: Callable[[Batch], Batch] | None = None,
) -> TrainResult:
    """Fine-tune `model` on tokens; save the adapter in `output_dir/adapter`, or all in `model`.

    Args:
        model: The base model as `load_model` gives it, or one that `add_adapter` made ready.
        tokenizer: Gives the padding token, and goes with a whole model; None pads with 0.
        tokens_train: Rows to learn.
        tokens_eval: Rows to validate on; may be empty.
        spec: The settings.
        output_dir: The run's folder; `checkpoints/` and what was learned are written in it.
        emit: Called as `emit(kind, **values)`, kinds `note`, `precision`, `check`, `step`,
            `eval` and `checkpoint`.
        should_stop: Asked after each step; True saves a checkpoint and ends the run.
        on_evaluate: Called as `on_evaluate(model, step)` after each validation; it may generate.
        resume: Continue from the newest checkpoint.
        labels: What a head tells apart, in the order of its outputs.
        own_loss: What is made small in place of the losses that have a name.
        teacher: What the loss `distillation` learns from.
        on_ready: Called as `on_ready(model, how)` before the first step, the model as it will
            learn; gives the settings to go on with, and may raise.
        change_batch: What is done to each batch before it is learned or validated on.

    Raises:
        RunError: `output_dir` has checkpoints and `resume` is False.
        RunFailed: The loss is not finite, or what was saved is not proven.
        SpecError: The spec asks for what this model cannot do.
    """
    start, rows = time.perf_counter(), (tokens_train, tokens_eval)
    folder = _checkpoints(Path(output_dir), resume)
    with quiet(), reproducible(spec.seed):
        tuned = ready(model, spec, tokens_train, labels)
        _tell_remarks(tuned, emit)
        learned = Learned.of(tuned, spec, folder.parent, tokenizer, labels)
        case = Case(tuned, spec, sides([*tokens_train, *tokens_eval]), emit, own_loss)
        how = decide(case, pad_token_of(tokenizer), folder.parent, resume=resume)
        with computing(tuned, how):
            spec = on_ready(tuned, how) if on_ready else spec
            kind = ShardedTrainer if processes.share_weights(spec.fsdp) else PackedTrainer
            trainer = kind(
                tuned, spec, rows, how=how, output_dir=folder, emit=emit,
                loss_sum=special_loss(case, how, spec, teacher), change_batch=change_batch,
            )  # fmt: skip
            trainer.on_evaluated = on_evaluate and undisturbing(on_evaluate)
            stopped = _run(trainer, spec, should_stop, resume)
            sharding.bring_together(tuned)
        return _kept(trainer, learned, how, stopped=stopped, start=start)


def _checkpoints(output_dir: Path, resume: bool) -> Path:
    """Return the folder of the checkpoints, without what an interrupted save left there."""
    folder = output_dir / "checkpoints"
    if not resume and checkpoints.whole(folder):
        raise RunError(
            f"A new run needs a folder without checkpoints; got {folder}.",
            hint="Resume that run, or give the new one another name.",
        )
    folder.mkdir(parents=True, exist_ok=True)
    checkpoints.clean(folder)
    return folder


def _tell_remarks(tuned: "nn.Module", emit: Callable[..., None]) -> None:
    for text in remarks(tuned):
        emit("note", text=text)


def _run(
    trainer: PackedTrainer, spec: FinetuneSpec, should_stop: Callable[[], bool], resume: bool
) -> bool:
    """Train from the newest checkpoint, if there is one, and tell whether it was stopped."""
    patience, evaluates = spec.early_stopping_patience, bool(trainer.eval_dataset)
    asked = partial(processes.agreed, should_stop)
    conductor = Conductor(asked, patience=patience, evaluates=evaluates)
    trainer.add_callback(conductor)
    checkpoint = checkpoints.newest(trainer.folder) if resume else None
    if checkpoint is not None and _is_over(checkpoint, trainer.args.max_steps, patience):
        trainer.restore_state(checkpoint)
    else:
        trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
    return conductor.stopped


def _is_over(checkpoint: Path, max_steps: int, patience: int) -> bool:
    """Tell whether a run ended with this checkpoint and only its adapter was not written."""
    state = checkpoints.state(checkpoint)
    impatient = is_impatient(state["log_history"], state["best_global_step"], patience)
    return state["global_step"] >= max_steps or impatient


def _kept(
    trainer: PackedTrainer, learned: Learned, how: How, *, stopped: bool, start: float
) -> TrainResult:
    """Save what the best step learned, or the last one, prove it, and sum the run up."""
    state = trainer.state

    def keep() -> int:
        return learned.keep(proof.chosen(trainer.folder, best), is_done=not stopped)

    best = state.best_global_step if trainer.spec.load_best_model_at_end else None
    return TrainResult(
        status="stopped" if stopped else "done",
        adapter_step=processes.agreed(keep),
        step=state.global_step,
        max_steps=trainer.args.max_steps,
        learned=learned.path,
        eval_loss=state.best_metric,
        seconds=time.perf_counter() - start,
        trainable=adapter_facts(learned.model).trainable,
        how=how,
    )
