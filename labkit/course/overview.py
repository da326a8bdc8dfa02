"""Where a learner stands: exercises by lab, and how well runs were foreseen."""

from typing import Any

from ..report.blocks import Block, Facts, Picture, Table
from ..report.drawing import BLUE, GREY, blank, saved
from .exercise import SIGNS
from .exercises import all_exercises
from .predictions import pairs
from .progress import of_exercise
from .shown import Shown

HEADER = ("exercise", "what", "stands", "tries", "hints", "with help")


def progress() -> Shown:
    """Return all exercises and where each stands."""
    rows, passed = [], 0
    for exercise in all_exercises():
        known = of_exercise(exercise.number)
        passed += known["outcome"] == "pass"
        stands = f"{SIGNS[known['outcome']]} {known['outcome']}"
        tries, hints = str(known["attempts"]), f"{known['hints']} of {len(exercise.hints)}"
        rows.append((exercise.number, exercise.title, stands, tries, hints, _help(known)))
    facts = Facts("", (("passed", f"{passed} of {len(rows)}"),))
    return Shown([facts, Table("Exercises", HEADER, tuple(rows), numeric=False)])


def calibration() -> Shown:
    """Return predictions beside what was measured, all of the course in one picture."""
    scored = pairs()
    if not scored:
        note = "No prediction was scored yet: each lab asks for one before its run."
        return Shown([Facts("Predictions", (("scored", "0"), ("", note)))])
    rows = tuple((what, f"{guess:.3g}", f"{found:.3g}") for what, guess, found in scored)
    table = Table("Predictions", ("about", "you said", "measured"), rows)
    shares = [(guess, found) for _, guess, found in scored if 0 <= guess <= 1 and 0 <= found <= 1]
    blocks: list[Block] = [table]
    if shares:
        off = sum(abs(guess - found) for guess, found in shares) / len(shares)
        alt = f"{len(shares)} predictions of shares, {off:.2f} off on average."
        blocks.append(Picture("How near your predictions come", alt, lambda: _draw(shares)))
    return Shown(blocks)


def _draw(shares: list[tuple[float, float]]) -> bytes:
    """Draw measured over predicted; what was foreseen lies on the line."""
    figure, axes = blank(4.2, 3.6)
    axes.plot([0, 1], [0, 1], color=GREY, linewidth=1, linestyle="--")
    axes.scatter(*zip(*shares, strict=True), color=BLUE)
    axes.set(xlim=(0, 1), ylim=(0, 1), xlabel="you said", ylabel="measured")
    return saved(figure, "svg")


def _help(known: dict[str, Any]) -> str:
    names = {"solution": "solution seen", "skipped": "skipped"}
    return ", ".join(said for name, said in names.items() if known[name])
