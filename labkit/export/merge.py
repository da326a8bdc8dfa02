"""Fold an adapter into its base model."""

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .. import machine
from ..errors import ExportError
from . import gates
from .builder import check_disk
from .check import Parity
from .heads import split_head
from .held_out import HeldOut, parity_rows
from .measure import size_bytes
from .tuned import Tuned, check_parts, refuse_unmergeable
from .work import Emit, Work, cleaned

TOKENIZER_FILES = (
    "tokenizer*",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab*",
    "merges.txt",
    "*.jinja",
)

STAGES = ("merge", "check")
N_ROWS = 64
"""Most rows that are compared: the logits of each wait on the disk."""


def merge(tuned: Tuned, out: Path, *, held_out: HeldOut, emit: Emit) -> dict[str, Any]:
    """Write base plus adapter to `out` as one fp32 model and show that it answers as before.

    A run on a base in 4 bits is merged into the base as it was before: what that changes is
    measured, like all differences, but refused by nobody.

    Args:
        tuned: A model whose method merges.
        out: New folder; it appears when every check has passed. `out.log` lies beside it.
        held_out: Rows to compare on.
        emit: Receives `stage` and `parity` events.

    Returns:
        Size, peak memory, and two comparisons: `merged` with the tuned model, and `reloaded`, the
        model as read back from the disk, with the one that was written.

    Raises:
        ExportError: The merged model answers differently, or its files do.
    """
    _check_request(tuned, out, held_out)
    folder, log = (out.with_name(f"{out.name}{end}") for end in (".work", ".log"))
    work = Work(folder, log, emit, STAGES)
    rows = parity_rows(held_out, N_ROWS)
    with cleaned(work):
        work.stage("merge")
        merge_and_answer(work, tuned, rows)
        work.stage("check")
        trained = trained_answers(work, tuned, rows)
        found = check_merged(work, tuned, merged=trained, reloaded=work.merged_answers)
        gates.gate_merged(**found, is_exact=tuned.is_exact)
        work.note("this process", machine.peak_bytes())
        result = {"size_bytes": size_bytes(work.merged), "n_rows": len(rows), **work.found}
        work.merged.rename(out)
    return {"method": tuned.spec.method, **result}


def merge_and_answer(work: Work, tuned: Tuned, rows: list[list[int]]) -> None:
    """Merge to `work.merged`; keep what the model answers in fp32, before and after."""
    work.call(
        "merge",
        "merge",
        tuned=tuned.unquantised.as_json(),
        rows=rows,
        before=str(work.answers),
        after=str(work.merged_answers),
        merged=str(work.merged),
    )


def trained_answers(work: Work, tuned: Tuned, rows: list[list[int]]) -> Path:
    """Return what the model answers as it was trained, its base in 4 bits where it was."""
    if tuned.is_exact:
        return work.answers
    trained = work.folder / "trained"
    work.call("answer", "answer", tuned=tuned.as_json(), rows=rows, answers=str(trained))
    return trained


def check_merged(work: Work, tuned: Tuned, **answers: Path) -> dict[str, Parity]:
    """Compare the merged model, read from the disk, with each of the answers kept."""
    found = work.call(
        "check",
        "torch_parity",
        folder=str(work.merged),
        answers=list(map(str, answers.values())),
        trust_remote_code=tuned.spec.trust_remote_code,
    )
    return {name: work.tell(name, of) for name, of in zip(answers, found, strict=True)}


def merge_adapter(base: Path, adapter: Path, out: Path) -> None:
    """Write base plus a LoRA adapter as one fp32 model with the base's tokenizer.

    Args:
        base: Hugging Face folder, not quantised.
        adapter: PEFT folder.
        out: New folder.
    """
    tuned = Tuned(base, adapter)
    check_parts(tuned)
    if out.exists():
        raise ExportError(f"{out} exists already.", hint="Remove it or name another folder.")
    save_merged(fold(tuned.load()), base, out)


def fold(model: Any) -> Any:  # noqa: ANN401 - a PeftModel
    """Merge a model of `Tuned.load`, in place, and return it ready to answer."""
    from ..training import merge as merged

    whole: Any = merged(model, keeps_head=True)
    return whole.eval()


def save_merged(
    model: Any,  # noqa: ANN401 - a torch module
    base: Path,
    out: Path,
    labels: Sequence[str] = (),
    shard: str = "50GB",
) -> None:
    """Save a merged model with the tokenizer of its base; `out` appears when it is complete.

    A classification head, whose outputs are the `labels`, is kept beside its body: see `heads`.
    Weights of one file, `shard` at most, are in memory a second time while they are written.
    """
    part = out.with_name(f"{out.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    try:
        if labels:
            split_head(model, labels, part)
        model.save_pretrained(part, max_shard_size=shard)
        for path in tokenizer_files(base):
            shutil.copy2(path, part / path.name)
        part.rename(out)
    finally:
        shutil.rmtree(part, ignore_errors=True)  # a full disk gets its room back


def tokenizer_files(folder: Path) -> Sequence[Path]:
    """Return the files that belong to the tokenizer, chat template included."""
    return sorted({path for pattern in TOKENIZER_FILES for path in folder.glob(pattern)})


def _check_request(tuned: Tuned, out: Path, held_out: HeldOut) -> None:
    refuse_unmergeable(tuned.spec)
    check_parts(tuned)
    if not held_out.prompts:
        hint = "Give a test or validation split; without rows nothing can be checked."
        raise ExportError("Merging needs held-out rows; got 0.", hint)
    if out.exists():
        raise ExportError(f"{out} exists already.", hint="Remove it or name another folder.")
    out.parent.mkdir(parents=True, exist_ok=True)
    check_disk(tuned.base, out.parent, 1)
