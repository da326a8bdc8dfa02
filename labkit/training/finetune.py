"""One fine-tuning from tokens to saved, proven weights."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from ..data import Tokens
from ..errors import RunError
from ..spec import FinetuneSpec
from . import checkpoints, proof
from .arguments import How
from .callbacks import Conductor, is_impatient
from .decide import Case, computing, decide, kept, pad_token_of
from .learned import Learned
from .methods import (
    adapter_facts,
    add_adapter,
    base_of,
    has_head,
    is_adapted,
    learn_start,
    remarks,
)
from .surroundings import quiet, reproducible, undisturbing
from .trainer import PackedTrainer

if TYPE_CHECKING:
    from torch import nn
    from transformers import PreTrainedModel, PreTrainedTokenizerBase


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
) -> TrainResult:
    """Fine-tune `model` on tokens; save the adapter in `output_dir/adapter`, or all in `model`.

    The same spec, rows and number of threads give the same weights bit for bit, also when the run
    was killed and resumed; another number of threads rounds differently.

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
        on_evaluate: Called as `on_evaluate(model, step)` after each validation, with the model in
            evaluation mode and its own attention; it may generate text.
        resume: Continue from the newest checkpoint.
        labels: What a head tells apart, in the order of its outputs.

    Raises:
        RunError: `output_dir` has checkpoints and `resume` is False.
        RunFailed: The loss is not finite, or what was saved is not proven.
        SpecError: The spec asks for what this model cannot do.
    """
    start = time.perf_counter()
    output_dir, rows = Path(output_dir), (tokens_train, tokens_eval)
    folder = _checkpoints(output_dir, resume)
    with quiet(), reproducible(spec.seed):
        tuned = ready(model, spec, labels)
        learn_start(tuned, spec, tokens_train)
        for text in remarks(tuned):
            emit("note", text=text)
        learned = Learned.of(tuned, spec, output_dir, tokenizer, labels)
        case = Case(tuned, spec, [*tokens_train, *tokens_eval], emit)
        how = kept(output_dir) if resume else None
        how = how or decide(case, pad_token_of(tokenizer), output_dir)
        with computing(tuned, how):
            trainer = PackedTrainer(tuned, spec, rows, how=how, output_dir=folder, emit=emit)
            trainer.on_evaluated = on_evaluate and undisturbing(on_evaluate)
            stopped = _run(trainer, spec, should_stop, resume)
        best = trainer.state.best_global_step if spec.load_best_model_at_end else None
        step = learned.keep(proof.chosen(folder, best), is_done=not stopped)
    return TrainResult(
        status="stopped" if stopped else "done",
        step=trainer.state.global_step,
        max_steps=trainer.args.max_steps,
        learned=learned.path,
        adapter_step=step,
        eval_loss=trainer.state.best_metric,
        seconds=time.perf_counter() - start,
        trainable=adapter_facts(tuned).trainable,
        how=how,
    )


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


def ready(model: "nn.Module", spec: FinetuneSpec, labels: Sequence[str]) -> "nn.Module":
    """Return the model with its adapter, on the device it learns on."""
    is_ready = is_adapted(model) or (spec.method == "full" and spec.head == has_head(model))
    base = base_of(model)
    tuned = model if is_ready else add_adapter(base, spec, n_labels=len(labels) or None)
    if spec.gradient_checkpointing:
        recompute_activations(base_of(tuned))
    return tuned.to("cuda" if torch.cuda.is_available() else "cpu")


def recompute_activations(base: "PreTrainedModel") -> None:
    """Keep only what enters a layer, and compute the rest again in the backward pass."""
    options = {"use_reentrant": False}  # the other kind needs inputs that learn
    if hasattr(base, "activation_checkpointing_enable"):
        base.activation_checkpointing_enable(activation_checkpointing_kwargs=options)
    else:
        enable: Callable[..., None] = base.gradient_checkpointing_enable
        enable(gradient_checkpointing_kwargs=options)


def _run(
    trainer: PackedTrainer, spec: FinetuneSpec, should_stop: Callable[[], bool], resume: bool
) -> bool:
    """Train from the newest checkpoint, if there is one, and tell whether it was stopped."""
    patience, evaluates = spec.early_stopping_patience, bool(trainer.eval_dataset)
    conductor = Conductor(should_stop, patience=patience, evaluates=evaluates)
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
