"""Preference pairs on held-out rows: what the model prefers with its adapter and without."""

from typing import TYPE_CHECKING, Any

from .. import data
from ..evaluation.kinds import Model
from ..evaluation.metrics import wilson

if TYPE_CHECKING:
    from .measuring import Held


def preferences(held: "Held", model: Model) -> dict[str, Any]:
    """Return `preferences` of metrics.json; nothing for rows that are no pairs.

    `log_odds` is the mean of log p(chosen) - log p(rejected), nats; `chosen_wins` the share of
    pairs in which it is above 0. `reward_margin` is beta times how far it is from the base's, and
    0 for the base; `margin_wins` the share of pairs in which that grew.
    """
    spec, examples = held.spec, held.splits.held_out
    if not spec.learns_pairs:
        return {}
    from ..training.preference import margins, pair_likelihoods

    held.job.emit("stage", name="comparing held-out pairs", done=0, total=1)
    rows, _ = data.tokenize(examples, held.tokenizer, max_length=spec.max_length)
    pad = held.tokenizer.pad_token_id or 0
    tuned = pair_likelihoods(model, rows, pad)
    with model.disable_adapter():
        base = pair_likelihoods(model, rows, pad)
    gained = margins(tuned, base, spec.beta)
    wins = int((gained > 0).sum())
    found = {
        "n": len(rows),
        "base": _of((base[0::2] - base[1::2]).tolist()) | {"reward_margin": 0.0},
        "tuned": _of((tuned[0::2] - tuned[1::2]).tolist())
        | {
            "reward_margin": float(gained.mean()),
            "margin_wins": wins / len(rows),
            "margin_wins_interval": wilson(wins, len(rows)),
        },
    }
    return {"preferences": found}


def _of(log_odds: list[float]) -> dict[str, Any]:
    """Return what a model prefers, from its log-odds of each pair."""
    n, wins = len(log_odds), sum(one > 0 for one in log_odds)
    return {
        "chosen_wins": wins / n,
        "chosen_wins_interval": wilson(wins, n),
        "log_odds": sum(log_odds) / n,
        "each": log_odds,
    }
