"""Probe steps: what a pass costs on this machine, measured on a few of the run's own rows."""

import gc
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

from torch import nn

from ... import machine
from ...data import Tokens
from ...spec import FinetuneSpec
from .. import batches
from ..arguments import How
from ..check import autocast
from ..methods import head_of
from ..schedule import micro_batch
from ..trunk import undisturbed
from .anatomy import Anatomy
from .calibration import Calibration
from .parts import VALUE, logits_bytes, token_bytes

SECONDS = 4.0
"""Time that the largest probe may take."""

AGAIN, LONGEST = 2, 2.0
"""How often a pass is repeated, the quickest counts; seconds from which one is not."""


TRUSTED = 300
"""Tokens by which a pass must be longer for its memory to count as much as the model of the work:
a few dozen tokens more tell of the heap's holes rather than of what a token keeps."""


@dataclass(frozen=True)
class Seen:
    """One pass, measured."""

    tokens: int
    targets: int
    seconds: float
    peak: float
    """Largest memory of the process while it ran, bytes."""


def probe(
    model: nn.Module, rows: Sequence[Tokens], spec: FinetuneSpec, how: How, body: Anatomy
) -> Calibration:
    """Compute losses and gradients of few rows and say what a pass costs; nothing is changed.

    Args:
        model: The model as it will learn, its attention set as `how` says.
        rows: The training rows.
        spec: The settings.
        how: Batch layout and precision.
        body: Sizes of the model.
    """
    ordered = sorted(rows, key=lambda row: len(row.input_ids))
    usual = ordered[len(ordered) // 2 :] + ordered[: len(ordered) // 2]
    _passed(model, usual[:1], how)  # the first pass pays for setting up
    one = _quickest(model, usual[:1], how)
    room = (machine.memory_limit() - one.peak) / (2 * token_bytes(body, spec) * one.tokens)
    whole = min(micro_batch(spec), len(rows))
    most = min(whole, max(2, int(SECONDS / one.seconds)), 1 + int(room))
    several = _quickest(model, usual[:most], how) if most > 1 else one
    gc.collect()
    machine.give_back_memory()
    found = calibrated(one, several, spec, body)
    return replace(found, tokens=several.tokens * whole // most)  # or the whole, if cut short


def _quickest(model: nn.Module, rows: Sequence[Tokens], how: How) -> Seen:
    """Compute a pass a few times; what else the machine does makes one slower, never quicker."""
    seen = [_passed(model, rows, how)]
    while len(seen) <= AGAIN and seen[0].seconds < LONGEST:
        seen.append(_passed(model, rows, how))
    return replace(seen[0], seconds=min(one.seconds for one in seen))


def calibrated(one: Seen, several: Seen, spec: FinetuneSpec, body: Anatomy) -> Calibration:
    """Return what a pass costs, from a small and a larger one."""
    more = several.tokens - one.tokens
    guess = token_bytes(body, spec)
    each, seconds = guess, one.seconds / one.tokens
    if more > 0:
        grown = several.peak - one.peak
        grown -= logits_bytes(body.alone, several.targets - one.targets)  # cross-entropy's
        each = (max(grown, 0.0) + TRUSTED * guess) / (more + TRUSTED)
        slope = max(several.seconds - one.seconds, 0.0) / more
        seconds = min(slope, several.seconds / several.tokens)
    known = body.weight_bytes + VALUE * (body.teacher + body.trainable)
    grows = each * several.tokens + logits_bytes(body.alone, several.targets)
    return Calibration(
        program=max(0.0, several.peak - known - grows),
        token_bytes=each,
        pass_seconds=max(0.0, several.seconds - seconds * several.tokens),
        token_seconds=seconds,
        time=time.time(),
        tokens=several.tokens,
    )


def _passed(model: nn.Module, rows: Sequence[Tokens], how: How) -> Seen:
    """Compute the loss of rows and its gradient once."""
    collate = batches.collator(
        how.packing, share_prefix=how.share_prefix, pad_token_id=how.pad_token_id
    )
    device = next(model.parameters()).device
    batch = batches.to_device(collate(rows), device)
    machine.forget_peak()
    start = time.perf_counter()
    with undisturbed(model), autocast(device, how.precision):
        batches.loss_sum(model, batch, head_of(model)).backward()  # type: ignore[no-untyped-call]
    seconds, peak = time.perf_counter() - start, machine.peak_now()
    model.zero_grad(set_to_none=True)
    n_tokens, n_targets = batch["input_ids"].numel(), batch["targets"].numel()
    return Seen(n_tokens, n_targets, seconds, peak)
