"""What a model prefers among held-out pairs, before and after, as a table and a picture."""

from typing import Any

from . import words
from .blocks import Block, Picture, Table
from .drawing import BLUE, GREY, blank, saved

Pairs = dict[str, Any]
"""`preferences` of metrics.json."""


def preferences(metrics: dict[str, Any]) -> list[Block]:
    """Return the table of a run on preference pairs; nothing for other runs."""
    found = metrics.get("preferences")
    if not found:
        return []
    models = [found["base"], found["tuned"]]
    rows = (
        (
            "chosen likelier than rejected [95 % interval]",
            *(_share(m, "chosen_wins") for m in models),
        ),
        ("log-odds of the chosen one (nats, mean)", *(f"{m['log_odds']:+.2f}" for m in models)),
        ("reward margin (mean)", *(f"{m['reward_margin']:+.3f}" for m in models)),
        ("margin above 0 [95 % interval]", "–", _share(found["tuned"], "margin_wins")),
    )
    title = f"Preferences on {words.count(found['n'])} held-out pairs"
    note = (
        "The reward margin is beta times what the chosen completion gained in log-probability over "
        "the base model, more than the rejected one did; of the base it is 0."
    )
    return [Table(title, ("", "base", "tuned"), rows, note=note)]


def preference_picture(metrics: dict[str, Any]) -> list[Block]:
    """Return the log-odds of each pair, base beside tuned, as a picture."""
    found = metrics.get("preferences")
    if not found:
        return []
    base, tuned = found["base"], found["tuned"]
    grew = sum(after > before for before, after in zip(base["each"], tuned["each"], strict=True))
    said = (
        f"The tuned model prefers the chosen completion more than the base does in {grew} of "
        f"{found['n']} held-out pairs; it finds it likelier than the rejected one in "
        f"{words.percent(tuned['chosen_wins'])}, the base in {words.percent(base['chosen_wins'])}."
    )
    return [Picture("Preference of each pair", said, lambda: pairs_chart(found))]


def pairs_chart(found: Pairs) -> bytes:
    """Draw each pair's log-odds (nats), the base's across and the tuned model's up; SVG."""
    figure, axes = blank(4.4, 3.6)
    base, tuned = found["base"]["each"], found["tuned"]["each"]
    ends = [min(*base, *tuned), max(*base, *tuned)]
    axes.plot(ends, ends, color=GREY, linestyle="--", linewidth=1)
    axes.axhline(0, color=GREY, linewidth=0.8)
    axes.axvline(0, color=GREY, linewidth=0.8)
    axes.plot(base, tuned, color=BLUE, marker="o", markersize=4, linestyle="none", alpha=0.6)
    axes.set_xlabel("base: log-odds of the chosen one (nats)")
    axes.set_ylabel("tuned (nats): above the dashes it gained")
    return saved(figure, "svg")


def _share(model: dict[str, Any], name: str) -> str:
    return f"{words.percent(model[name])} {words.interval(model[f'{name}_interval'])}"
