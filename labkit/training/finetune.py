"""One fine-tuning from tokens to a saved, proven adapter."""

import hashlib
import json
import os
import random
import shutil
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from ..errors import RunError, RunFailed, SpecError
from ..files import write_json
from ..spec import FinetuneSpec
from . import batches, check, checkpoints, packed, precision
from .batches import Tokens
from .callbacks import Conductor, is_impatient
from .methods import adapter_facts, add_adapter
from .trainer import How, PackedTrainer, count_steps, micro_batch

if TYPE_CHECKING:
    from peft import PeftModel
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

ADAPTER_FILES = ("adapter_config.json", "adapter_model.safetensors")
"""PEFT's own format."""

HOW = "how.json"
"""File in a run's folder that keeps layout and precision for a resumed run."""


@dataclass(frozen=True)
class TrainResult:
    """What a fine-tuning ended with."""

    status: str
    """`done`, or `stopped` when it was asked to."""

    step: int
    """Optimizer steps taken, those before a resume included."""

    max_steps: int
    """Optimizer steps planned."""

    adapter: Path
    """Folder of the saved adapter."""

    adapter_step: int
    """Step the saved adapter comes from: the best validation's, or the last."""

    eval_loss: float | None
    """Validation loss of the best evaluation, in nats per target token."""

    seconds: float
    """Wall time of this call, in seconds."""

    trainable: int
    """Parameters that learned."""

    how: How
    """Batch layout and precision."""


@dataclass(frozen=True)
class Plan:
    """What a fine-tuning will do, known before it starts."""

    max_steps: int
    """Optimizer steps."""

    steps_per_epoch: int
    """Optimizer steps in one pass over the training rows."""

    trainable: int
    """Parameters that will learn."""

    total: int
    """All parameters, the adapter's included."""

    n_tokens: int
    """Tokens in one pass over the training rows."""

    n_targets: int
    """Target tokens in one pass over the training rows."""


def plan(
    model: "PreTrainedModel | PeftModel", tokens: Sequence[Tokens], spec: FinetuneSpec
) -> Plan:
    """Return the plan of a fine-tuning; `model` is not changed and nothing large is allocated."""
    from transformers import AutoModelForCausalLM

    with torch.device("meta"), quiet():
        bare = AutoModelForCausalLM.from_config(model.config)
        facts = adapter_facts(add_adapter(bare, spec))
    n_micro = -(-len(tokens) // micro_batch(spec))
    return Plan(
        max_steps=count_steps(len(tokens), spec),
        steps_per_epoch=-(-n_micro // spec.gradient_accumulation_steps),
        trainable=facts.trainable,
        total=facts.total,
        n_tokens=sum(len(row.input_ids) for row in tokens),
        n_targets=sum(map(batches.n_targets, tokens)),
    )


def train(
    model: "PreTrainedModel | PeftModel",
    tokenizer: "PreTrainedTokenizerBase | None",
    tokens_train: Sequence[Tokens],
    tokens_eval: Sequence[Tokens],
    spec: FinetuneSpec,
    *,
    output_dir: Path,
    emit: Callable[..., None],
    should_stop: Callable[[], bool] = lambda: False,
    on_evaluate: "Callable[[PeftModel, int], None] | None" = None,
    resume: bool = False,
) -> TrainResult:
    """Fine-tune `model` on tokens and save the adapter in `output_dir/adapter`.

    The same spec, rows and number of threads give the same adapter bit for bit, also when the run
    was killed and resumed; another number of threads rounds differently.

    Args:
        model: The base model in float32, or one that has its adapter.
        tokenizer: Gives the padding token; None pads with 0.
        tokens_train: Rows to learn.
        tokens_eval: Rows to validate on; may be empty.
        spec: The settings.
        output_dir: The run's folder; `checkpoints/` and `adapter/` are written in it.
        emit: Called as `emit(kind, **values)`, kinds `note`, `precision`, `check`, `step`,
            `eval` and `checkpoint`.
        should_stop: Asked after each step; True saves a checkpoint and ends the run.
        on_evaluate: Called as `on_evaluate(model, step)` after each validation, with the model in
            evaluation mode and its own attention; it may generate text.
        resume: Continue from the newest checkpoint.

    Raises:
        RunError: `output_dir` has checkpoints and `resume` is False.
        RunFailed: The loss is not finite, or the adapter is not proven.
        SpecError: The spec asks for what this model cannot do.
    """
    start = time.perf_counter()
    folder = Path(output_dir) / "checkpoints"
    _require_fresh(folder, resume)
    folder.mkdir(parents=True, exist_ok=True)
    checkpoints.clean(folder)
    with quiet(), _reproducible(spec.seed):
        tuned = _with_adapter(model, spec)
        before = _fingerprint(tuned)
        how = _decide(tuned, tokenizer, (tokens_train, tokens_eval), spec, output_dir, emit, resume)
        with check.attention(tuned, packed.NAME) if how.packing == "packed" else nullcontext():
            trainer = PackedTrainer(
                tuned, spec, (tokens_train, tokens_eval), how=how, output_dir=folder, emit=emit
            )
            stopped = _run(trainer, spec, should_stop, on_evaluate, resume)
        adapter_step = _finish(trainer, spec, Path(output_dir) / "adapter")
        _prove(tuned, Path(output_dir) / "adapter", before, is_done=not stopped)
    state = trainer.state
    return TrainResult(
        status="stopped" if stopped else "done",
        step=state.global_step,
        max_steps=state.max_steps,
        adapter=Path(output_dir) / "adapter",
        adapter_step=adapter_step,
        eval_loss=state.best_metric,
        seconds=time.perf_counter() - start,
        trainable=adapter_facts(tuned).trainable,
        how=how,
    )


def _require_fresh(folder: Path, resume: bool) -> None:
    if not resume and checkpoints.whole(folder):
        raise RunError(
            f"A new run needs a folder without checkpoints; got {folder}.",
            hint="Resume that run, or give the new one another name.",
        )


def _with_adapter(model: "PreTrainedModel | PeftModel", spec: FinetuneSpec) -> "PeftModel":
    from peft import PeftModel

    tuned = model if isinstance(model, PeftModel) else add_adapter(model, spec)
    if spec.gradient_checkpointing:
        _recompute_activations(tuned.get_base_model())
    return tuned.to("cuda" if torch.cuda.is_available() else "cpu")  # type: ignore[return-value]


def _recompute_activations(base: "PreTrainedModel") -> None:
    options = {"use_reentrant": False}  # the other kind needs inputs that learn
    if hasattr(base, "activation_checkpointing_enable"):
        base.activation_checkpointing_enable(activation_checkpointing_kwargs=options)
    else:
        base.gradient_checkpointing_enable(gradient_checkpointing_kwargs=options)


def _decide(
    model: "PeftModel",
    tokenizer: "PreTrainedTokenizerBase | None",
    rows: tuple[Sequence[Tokens], Sequence[Tokens]],
    spec: FinetuneSpec,
    output_dir: Path,
    emit: Callable[..., None],
    resume: bool,
) -> How:
    """Choose layout and precision, say so, and keep the choice; a resumed run reads it."""
    file = Path(output_dir) / HOW
    if resume and file.exists():
        return How(**json.loads(file.read_text(encoding="utf-8")))
    config = model.get_base_model().config.get_text_config()
    hidden = config.hidden_size
    wide = getattr(config, "intermediate_size", None) or 4 * hidden
    chosen = precision.choose(spec.precision, hidden=hidden, intermediate=wide)
    emit("precision", name=chosen.name, text=chosen.reason, gflops=chosen.gflops)
    packing, share_prefix = _layout(model, rows, spec, chosen.name, emit)
    pad = getattr(tokenizer, "pad_token_id", None) or 0
    how = How(packing, share_prefix, chosen.name, pad)
    write_json(file, asdict(how))
    return how


def _layout(
    model: "PeftModel",
    rows: tuple[Sequence[Tokens], Sequence[Tokens]],
    spec: FinetuneSpec,
    chosen: str,
    emit: Callable[..., None],
) -> tuple[str, bool]:
    """Return the packing and whether rows share their prompt's beginning."""
    if spec.packing == "padded":
        return "padded", False
    dropout = check.dropout(model)
    reason = check.obstacle(model, max(len(row.input_ids) for part in rows for row in part))
    reason = reason or _difference(model, rows[0][: micro_batch(spec)], chosen, not dropout, emit)
    if reason is None and dropout:
        emit(
            "note",
            text=f"Dropout is {dropout:g}, so every row draws its own for the whole prompt: the common beginning is not shared.",
        )
    if reason is None:
        return "packed", not dropout
    if spec.packing == "packed":
        raise SpecError(
            f"packing must be 'auto' or 'padded' for this run; got 'packed', but {reason}.",
            hint="The default is 'auto'.",
        )
    emit("note", text=f"Rows are padded, not packed: {reason}.")
    return "padded", False


def _difference(
    model: "PeftModel",
    rows: Sequence[Tokens],
    chosen: str,
    share_prefix: bool,
    emit: Callable[..., None],
) -> str | None:
    """Compute a first loss both ways and return why packing is not right here, or None."""
    try:
        result = check.compare(model, rows, chosen, share_prefix=share_prefix)
    except (RuntimeError, TypeError, ValueError, NotImplementedError, AttributeError) as error:
        return f"the model does not take packed rows ({str(error).splitlines()[0][:120]})"
    emit("check", **result.as_dict())
    if result.equal:
        return None
    return (
        f"the packed loss is {result.loss_packed:.6f} and the plain one {result.loss_plain:.6f}, "
        f"their gradients {result.gradient_difference:.1e} apart"
    )


def _run(
    trainer: PackedTrainer,
    spec: FinetuneSpec,
    should_stop: Callable[[], bool],
    on_evaluate: "Callable[[PeftModel, int], None] | None",
    resume: bool,
) -> bool:
    """Train from the newest checkpoint, if there is one, and tell whether it was stopped."""
    trainer.on_evaluated = on_evaluate and _apart(on_evaluate)
    conductor = Conductor(
        should_stop, patience=spec.early_stopping_patience, evaluates=bool(trainer.eval_dataset)
    )
    trainer.add_callback(conductor)
    checkpoint = checkpoints.newest(trainer.folder) if resume else None
    if checkpoint is not None and _is_over(checkpoint, trainer.args.max_steps, spec):
        trainer.restore_state(checkpoint)
    else:
        trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
    return conductor.stopped


def _is_over(checkpoint: Path, max_steps: int, spec: FinetuneSpec) -> bool:
    """Tell whether a run ended with this checkpoint and only its adapter was not written."""
    state = checkpoints.state(checkpoint)
    best, patience = state["best_global_step"], spec.early_stopping_patience
    return state["global_step"] >= max_steps or is_impatient(state["log_history"], best, patience)


def _apart(
    on_evaluate: "Callable[[PeftModel, int], None]",
) -> "Callable[[PeftModel, int], None]":
    """Let a callback use the model as a plain one, and the random state as it likes."""

    def call(model: "PeftModel", step: int) -> None:
        states = random.getstate(), np.random.get_state()
        try:
            with torch.random.fork_rng(), check.attention(model, "sdpa"):
                on_evaluate(model, step)
        finally:
            random.setstate(states[0])
            np.random.set_state(states[1])

    return call


def _finish(trainer: PackedTrainer, spec: FinetuneSpec, adapter: Path) -> int:
    """Put the best adapter, or the last, in its folder and in the model; return its step."""
    best = trainer.state.best_global_step if spec.load_best_model_at_end else None
    last = checkpoints.newest(trainer.folder)
    if last is None:
        raise RunFailed("The run ended without a checkpoint.", hint="Start it again.")
    source = trainer.folder / f"checkpoint-{best}" if best else last
    draft = trainer.folder / checkpoints.DRAFT / "adapter"
    draft.mkdir(parents=True)
    for name in ADAPTER_FILES:
        shutil.copyfile(source / name, draft / name)
    checkpoints.publish(draft, adapter)
    checkpoints.clean(trainer.folder)
    return checkpoints.step_of(source)


def _prove(model: "PeftModel", adapter: Path, before: str, *, is_done: bool) -> None:
    """Load the saved adapter back and show that it is whole, finite and not zero.

    Raises:
        RunFailed: It is not, or the base weights have changed.
    """
    from peft import get_peft_model_state_dict, set_peft_model_state_dict
    from safetensors.torch import load_file

    saved = load_file(adapter / "adapter_model.safetensors")
    set_peft_model_state_dict(model, saved)
    loaded = get_peft_model_state_dict(model, save_embedding_layers=False)
    same = saved.keys() == loaded.keys() and all(saved[k].equal(loaded[k].cpu()) for k in saved)
    learned = any(bool(t.any()) for name, t in saved.items() if "lora_A" not in name)
    finite = all(bool(t.isfinite().all()) for t in saved.values())
    for holds, problem in (
        (same, "differs from the one in memory"),
        (finite, "has numbers that are not finite"),
        (learned or not is_done, "is zero: it learned nothing"),
        (_fingerprint(model) == before, "came with changed base weights"),
    ):
        if not holds:
            raise RunFailed(
                f"The adapter in {adapter} {problem}.",
                hint="Lower learning_rate or take more steps; see log.txt.",
            )


def _fingerprint(model: "PeftModel") -> str:
    """Return a hash of three frozen tensors: the first, a middle one and the last."""
    frozen = [p for p in model.parameters() if not p.requires_grad]
    digest = hashlib.sha256()
    for tensor in (frozen[0], frozen[len(frozen) // 2], frozen[-1]):
        part = tensor.detach().flatten()[:1_000_000].cpu().contiguous()
        digest.update(part.view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


@contextmanager
def quiet() -> Iterator[None]:
    """Silence what Transformers and PEFT tell about themselves; errors still come through."""
    from transformers.utils import logging

    before = logging.get_verbosity()
    logging.set_verbosity_error()
    try:
        with warnings.catch_warnings():
            for module in ("transformers", "peft", "accelerate", "torch"):
                warnings.filterwarnings("ignore", module=rf"{module}(\.|$)")
            yield
    finally:
        logging.set_verbosity(before)


@contextmanager
def _reproducible(seed: int) -> Iterator[None]:
    """Seed everything and prefer algorithms that always add in the same order."""
    from transformers import set_seed

    before = torch.are_deterministic_algorithms_enabled()
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.use_deterministic_algorithms(True, warn_only=True)
    torch.utils.deterministic.fill_uninitialized_memory = False  # costs time, finds only bugs
    set_seed(seed)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before)
