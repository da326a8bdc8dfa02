"""From measurements to a Markdown table, a verdict for each goal, and the files."""

import json
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from contestants import CONTESTANTS
from material import BATCH, SETS

Found = dict[str, Any]


@dataclass(frozen=True)
class Verdict:
    """One goal and what was found."""

    goal: str
    found: str
    holds: bool | None
    """None where this processor cannot tell."""

    def __str__(self) -> str:
        word = {True: "yes", False: "NO", None: "not judged"}[self.holds]
        return f"- **{word}**: {self.goal}: {self.found}"


def write(found: Found, folder: Path, *, tiny: bool) -> int:
    """Print the results, write results.md and results.json, return how many goals are missed."""
    judged = verdicts(found)
    text = page(found, judged, tiny=tiny)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "results.md").write_text(text, encoding="utf-8")
    found["verdicts"] = [{"goal": v.goal, "found": v.found, "holds": v.holds} for v in judged]
    (folder / "results.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    print(f"\n{text}\nWritten: {folder}/results.md and results.json")
    return sum(verdict.holds is False for verdict in judged)


def page(found: Found, judged: list[Verdict], *, tiny: bool) -> str:
    note = "A random tiny model: this proves the script and says nothing of the goals.\n\n"
    return (
        f"# Training, side by side\n\n{note if tiny else ''}{_machine(found)}\n"
        + "\n".join(_table(found, name) for name in SETS)
        + f"\n## Goals\n\n{chr(10).join(map(str, judged))}\n"
    )


def _machine(found: Found) -> str:
    facts = found["machine"]
    versions = ", ".join(f"{name} {version}" for name, version in facts["versions"].items())
    return (
        f"`make bench-train`: {facts['model']}, LoRA r=8 on all linear layers, batches of {BATCH} "
        f"rows, the same rows and order for all; {facts['rounds']} interleaved rounds of "
        f"{facts['steps']} steps. A step is batch, forward, backward, clipping and optimizer in "
        "each trainer's own loop; set-up and saving are not counted.\n\n"
        f"{facts['processor']}, threads: {facts['threads']}, load {facts['load_start']} at the "
        f"start and {facts['load_end']} at the end, {found['minutes']:.1f} minutes. {versions}, "
        f"Python {facts['python']}.\n\n{found['precision']['reason']}\n"
    )


def _table(found: Found, name: str) -> str:
    """Return the table of one data set; the memory of a run alone goes with the first."""
    data = found["sets"][name]
    batch, lines = data["batch"], []
    for key in CONTESTANTS:
        lines += _line(found, name, key)
    return (
        f"## {SETS[name].capitalize()}\n\n"
        f"A batch has {batch['tokens']:.0f} tokens ({batch['padded']:.0f} when padded), "
        f"{batch['prefix']:.0f} of each row's the same in all; {batch['completion_share']:.0%} "
        "are learned.\n\n"
        "| configuration | s/step, min | median | processor s | × Trainer | tokens/s "
        "| first loss | peak MiB alone |\n|---|---|---|---|---|---|---|---|\n"
        + "".join(f"| {line} |\n" for line in lines)
    )


def _line(found: Found, name: str, key: str) -> list[str]:
    data, title = found["sets"][name], CONTESTANTS[key].title
    if key not in data["timed"]:
        return _absent(found, name, key)
    timed = data["timed"][key]
    usual = median(timed["seconds"])
    faster = seconds(found, name, "plain") / usual
    cells = [
        title,
        f"{min(timed['seconds']):.3f}",
        f"{usual:.3f}",
        f"{median(timed['cpu']):.3f}",
        f"{faster:.2f}",
        f"{data['batch']['tokens'] / usual:.0f}",
        f"{timed['first_loss']:.5f}",
        _peak(found, name, key),
    ]
    return [" | ".join(cells)]


def _absent(found: Found, name: str, key: str) -> list[str]:
    """Return the line of a configuration that bf16 keeps out of the rounds."""
    title, slower = CONTESTANTS[key].title, found["precision"]["bf16_slower"]
    alone = found["alone"].get(key)
    if alone is not None and name == "shared":
        loss = f"{alone['losses'][0]:.5f}" if "losses" in alone else ""
        cells = [title, _one_step(alone), "", "", "", "", loss, _peak(found, name, key)]
        return [" | ".join(cells)]
    verb = "chosen" if CONTESTANTS[key].ours else "timed"
    why = f"bf16: {slower:.1f} times slower here, not {verb}"
    return [f"{title} | {why} | | | | | | "]


def _one_step(alone: Found) -> str:
    if "seconds" not in alone:
        above = alone["above"]
        return f"above {above:.0f}: stopped in its first step" if above else "stopped"
    return f"{alone['seconds']:.3f} (one step, alone)"


def _peak(found: Found, name: str, key: str) -> str:
    peak = found["alone"].get(key, {}).get("peak") if name == "shared" else None
    return f"{peak / 2**20:.0f}" if peak else ""


def seconds(found: Found, name: str, key: str) -> float | None:
    """Return the median seconds of a step; of one step alone, or stopped, where that is all."""
    timed = found["sets"][name]["timed"].get(key)
    if timed is not None:
        return median(timed["seconds"])
    alone = found["alone"].get(key, {}) if name == "shared" else {}
    return alone.get("seconds") or alone.get("above")


def verdicts(found: Found) -> list[Verdict]:
    """Judge each goal."""
    return [
        _faster(found, "shared", "packed", "plain", 2.0),
        _faster(found, "shared", "packed", "trl", 2.2),
        _faster(found, "shared", "packed_bf16", "trl", 3.0),
        _faster(found, "distinct", "packed", "plain", 1.3),
        _faster(found, "long", "packed", "plain", None),
        _memory(found),
        _losses(found),
        _same_task(found),
        _weak(found),
    ]


def _faster(found: Found, name: str, ours: str, theirs: str, goal: float | None) -> Verdict:
    """Judge how many times faster, by medians, a step of `ours` is."""
    titles = f"{SETS[name]}: {CONTESTANTS[ours].title} against {CONTESTANTS[theirs].title}"
    text = f"{titles}, at least {goal:g} ×" if goal else f"{titles}, whatever it is"
    mine, other = seconds(found, name, ours), seconds(found, name, theirs)
    if mine is None or other is None:
        slower = found["precision"]["bf16_slower"]
        return Verdict(text, f"bf16 is {slower:.1f} times slower than fp32 here, not chosen", None)
    ratio = other / mine
    stopped = "above" in found["alone"].get(theirs, {})
    unknown = goal is None or (stopped and ratio < goal)
    found_text = f"more than {ratio:.2f} ×, stopped" if stopped else f"{ratio:.2f} ×"
    return Verdict(text, found_text, None if unknown else ratio >= goal)


def _memory(found: Found) -> Verdict:
    plain, ours = (found["alone"][key]["peak"] for key in ("plain", "packed"))
    text = "a shared instruction: packed fp32's peak memory, at most 0.65 of the Trainer's"
    sizes = f"{ours / 2**20:.0f} of {plain / 2**20:.0f} MiB"
    return Verdict(text, f"{ours / plain:.2f} ({sizes})", ours / plain <= 0.65)


def _losses(found: Found) -> Verdict:
    plain, ours = found["losses"]["plain"], found["losses"]["packed"]
    apart = max(abs(a - b) for a, b in zip(plain, ours, strict=True))
    text = f"the first {len(plain)} losses of packed fp32 and the Trainer, equal to 1e-4"
    course = f"{plain[0]:.5f} … {plain[-1]:.5f}"
    return Verdict(text, f"at most {apart:.1e} apart, {course}", apart <= 1e-4)


def _same_task(found: Found) -> Verdict:
    """Judge whether TRL was given the same task: its first loss is the Trainer's."""
    first = {
        name: [found["sets"][name]["timed"][key]["first_loss"] for key in ("plain", "trl_fp32")]
        for name in SETS
    }
    apart = max(abs(a - b) for a, b in first.values())
    text = "the first losses of TRL in fp32 and the Trainer, equal to 1e-3"
    return Verdict(text, f"at most {apart:.1e} apart", apart <= 1e-3)


def _weak(found: Found) -> Verdict:
    """Judge `auto` where the processor looks like one with AVX2 only."""
    weak = found["weak"]
    text = "with ONEDNN_MAX_CPU_ISA=AVX2, `auto` is not slower than packed fp32"
    times = f"{weak['auto']:.3f} against {weak['fp32']:.3f} s/step"
    same = ", the same computation" if weak["name"] == "fp32" else ""
    holds = weak["name"] == "fp32" or weak["auto"] <= weak["fp32"]
    return Verdict(text, f"chosen {weak['name']}{same}; {times}", holds)
