"""A plan as text and picture: what a run will need, what memory consists of, what would fit."""

from collections.abc import Mapping
from typing import Any

from ..files import read_json
from ..run import Run
from . import words
from .blocks import Block, Box, Facts, Lines, Picture, Table
from .drawing import GREY, RED, blank, legend, saved

PLAN = "plan.json"
"""File in a run's folder that keeps its plan."""

COLOURS = {
    "program": "#9d9da1",
    "weights": "#4c78a8",
    "gradients": "#f58518",
    "optimizer": "#72b7b2",
    "activations": "#54a24b",
    "logits": "#b279a2",
}
"""A colour for each part of memory, told apart without red and green."""

SOURCES = {
    "measured": "measured by probe steps on this machine",
    "like": "from probe steps of similar settings on this machine",
    "counted": "counted from the model's sizes; probe steps will tell more",
}
"""Where a forecast comes from, in words."""

COMPARED = (
    ("peak memory", "memory", words.size),
    ("training", "training", words.seconds),
    ("whole run", "seconds", words.seconds),
)
"""What is compared after a run: its name, its key, and how it is written."""

UNKNOWN = "known after a few probe steps: %plan"

Plan = Mapping[str, Any]
"""What that file holds."""


def plan_of(run: Run) -> dict[str, Any]:
    """Return what a run's plan.json holds; nothing where it has none."""
    return read_json(run.path / PLAN)


def planned(run: Run) -> list[Block]:
    """Return the plan of a run, once it has one."""
    plan = run.last("forecast")
    return plan_blocks(plan) if plan else []


def beside_actual(run: Run) -> list[Block]:
    """Return what was foreseen beside what was; of a run that did not end, the plan."""
    found = run.metrics.get("plan")
    if not found:
        return planned(run)
    rows = tuple(
        (name, _one(of["value"]), f"{_one(of['low'])} to {_one(of['high'])}", _one(of["actual"]),
         f"{100 * (of['value'] / of['actual'] - 1):+.0f} %")
        for (name, key, _one) in COMPARED
        if (of := found.get(key))
    )  # fmt: skip
    header = ("", "planned", "may be", "actual", "off by")
    return [Table("Planned beside actual", header, rows)]


def plan_blocks(plan: Plan) -> list[Block]:
    """Return a plan as facts, a picture of its memory, and what would need less."""
    found = plan["forecast"]
    changes, others = tuple(plan["changes"]), tuple(map(option_text, plan["lighter"]))
    too_much = found["memory"]["low"] > found["limit"]
    return [
        *([Box("It does not fit", too_large(found), (what_fits(plan),))] if too_much else []),
        Facts("Plan", tuple(plan_facts(found))),
        Picture("What memory consists of", memory_sentence(found), lambda: memory_bar(found)),
        *([Lines("Changed to stay within the budget", changes, folded=False)] if changes else []),
        *([Lines("Settings that need less memory", others)] if others else []),
    ]


def plan_sentence(found: Plan) -> str:
    """Return a plan on one line."""
    parts = [
        f"{words.count(found['trainable'])} parameters learn",
        f"{words.count(found['max_steps'])} steps",
        f"{words.count(found['tokens_per_step'])} tokens a step",
        f"memory {plan_line(found, 'memory')} of {words.size(found['limit'])}",
        f"time {plan_line(found, 'seconds')}",
        f"disk {words.size(found['disk'])}",
    ]
    return f"Plan ({SOURCES[found['source']]}): {', '.join(parts)}."


def plan_facts(found: Plan) -> list[tuple[str, str]]:
    """Return what a run will need, as labels and values with how far they may be off."""
    share = words.percent(found["trainable"] / found["total"])
    return [
        ("trainable parameters", f"{words.count(found['trainable'])} ({share} of all)"),
        ("steps", words.count(found["max_steps"])),
        ("tokens per step", f"about {words.count(found['tokens_per_step'])}"),
        ("peak memory", f"{plan_line(found, 'memory')} of {words.size(found['limit'])}"),
        ("training", plan_line(found, "training")),
        ("whole run", plan_line(found, "seconds")),
        ("on disk", f"about {words.size(found['disk'])}"),
        ("from", SOURCES[found["source"]]),
    ]


def plan_line(found: Plan, what: str) -> str:
    """Return one estimate of a forecast: `memory`, `training` or `seconds`."""
    written = words.size if what == "memory" else words.seconds
    return span(found[what], written) or UNKNOWN


def span(estimate: Plan | None, written: Any) -> str:  # noqa: ANN401 - a function of a number
    """Return an estimate and how far it may be off, or nothing where there is none."""
    if not estimate:
        return ""
    value, low, high = (written(estimate[name]) for name in ("value", "low", "high"))
    return f"about {value} ({low} to {high})"


def option_text(option: Plan) -> str:
    """Return other settings as they are written in a cell, and what they need."""
    changes = option["changes"].items()
    values = ", ".join(f"{k}: {str(v).lower() if isinstance(v, bool) else v}" for k, v in changes)
    time = option["seconds"]
    takes = f", {words.seconds(time['value'])}" if time else ""
    return f"{values} ({words.size(option['memory']['value'])}{takes})"


def too_large(found: Plan) -> str:
    """Return the sentence that refuses a run."""
    return (
        f"The run needs {span(found['memory'], words.size)} of memory; "
        f"{words.size(found['limit'])} is the limit here."
    )


def what_fits(plan: Plan) -> str:
    """Return the sentence that says which settings fit."""
    options = "; ".join(map(option_text, plan["lighter"]))
    said = f"What fits: {options}." if options else "Take a smaller batch_size or another model."
    return f"{said} To try it all the same: force: true."


def memory_sentence(found: Plan) -> str:
    """Return the picture of the memory in words."""
    parts = ", ".join(f"{name} {words.size(size)}" for name, size in found["parts"].items())
    return f"{parts}: {words.size(found['memory']['value'])} of {words.size(found['limit'])}."


def memory_bar(found: Plan) -> bytes:
    """Draw what memory consists of as one bar, beside the machine's limit; returns SVG."""
    figure, axes = blank(6.2, 1.5)
    start = 0.0
    for name, size in found["parts"].items():
        axes.barh(0, size / words.GIB, left=start, height=0.5, color=COLOURS[name], label=name)
        start += size / words.GIB
    memory, limit = found["memory"], found["limit"] / words.GIB
    low, high = (abs(memory[name] - memory["value"]) / words.GIB for name in ("low", "high"))
    axes.errorbar(start, 0, xerr=[[low], [high]], color=GREY, capsize=4, linewidth=1.2)
    if limit < 2.5 * start:
        axes.axvline(limit, color=RED, linestyle="--", linewidth=1.4, label="limit")
    axes.set(yticks=[], ylim=(-0.5, 0.5))
    axes.set_xlabel("GiB")
    legend(figure)
    return saved(figure, "svg")
