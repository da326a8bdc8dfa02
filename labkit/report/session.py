"""The session settings that were tried on an exported model, as a block: winner and losers."""

from collections.abc import Mapping
from typing import Any

from . import words
from .blocks import Block, Table


def session(tune: Mapping[str, Any]) -> list[Block]:
    """Return what was tried, the quickest first, and why the winner is it; nothing if untuned."""
    tried = tune.get("candidates") or []
    if not tried:
        return []
    best = tune.get("winner", {})
    rows = tuple(
        (
            said(one["settings"]) + (" ★" if one["settings"] == best else ""),
            words.seconds(one.get("answer_seconds")),
            words.seconds(one.get("first_token_seconds")),
            words.seconds(one.get("token_seconds")),
            str(one.get("rounds", "–")),
            str(one.get("refused", "")),
        )
        for one in tried
    )
    header = ("settings", "an answer", "first token", "per token", "rounds", "refused")
    shown = rows if any(row[-1] for row in rows) else tuple(row[:-1] for row in rows)
    took = f"Tried for {words.seconds(tune.get('seconds'))}."
    note = " ".join(filter(None, [str(tune.get("reason") or ""), took]))
    return [Table("Session settings", header[: len(shown[0])], shown, note=note)]


def said(settings: Mapping[str, Any]) -> str:
    """Return what differs from the usual settings."""
    found = [f"{words.name(name)} {words.value_of('', value)}" for name, value in settings.items()]
    return ", ".join(found) or "the usual ones"
