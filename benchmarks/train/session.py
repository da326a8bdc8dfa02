"""The whole comparison, in order: rounds, losses, memory, a weaker processor, the table."""

import argparse
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from alone import ask, precision_of
from material import SETS, Material, describe, write_tiny

from labkit import machine
from labkit.catalog import resolve_model

CRAWL = 3.0
"""From how many times slower than fp32 on, bf16 is not timed round by round but once, alone."""

ROOT = Path(__file__).resolve().parents[2]


@dataclass
class Progress:
    """What is done and how long the rest takes."""

    left: list[str]
    """What is still to do, one entry for each lap; a lap of the same name takes the same time."""

    n: int = 0
    known: dict[str, float] = field(default_factory=dict)
    start: float = field(default_factory=time.monotonic)

    @contextmanager
    def lap(self, name: str) -> Iterator[None]:
        """Time what is done within, and say so."""
        begun = time.monotonic()
        yield
        self.known[name] = time.monotonic() - begun
        self.left.remove(name)
        self.n += 1
        usual = sum(self.known.values()) / len(self.known)
        rest = sum(self.known.get(name, usual) for name in self.left)
        minutes = f"{rest / 60:.1f} min left" if self.left else "done"
        count = f"[{self.n:3}/{self.n + len(self.left)}]"
        print(f"{count} {name}: {self.known[name]:.1f} s; {minutes}", flush=True)


@dataclass
class Session:
    """One comparison."""

    options: argparse.Namespace
    material: Material
    precision: dict[str, Any]
    threads: int

    @property
    def timed(self) -> list[str]:
        """The configurations of the interleaved rounds."""
        keys = ["plain", "trl", "trl_fp32", "padded", "packed"]
        if self.crawls:
            keys.remove("trl")
        return [*keys, "trl_bf16", "packed_bf16"] if self.precision["name"] == "bf16" else keys

    @property
    def alone(self) -> list[str]:
        """The configurations that run alone, for their memory."""
        if self.options.tiny:
            return ["plain", "packed"]
        return self.timed

    @property
    def crawls(self) -> bool:
        """Whether bf16 is so slow here that TRL's default runs one step, with a limit."""
        return bool(self.precision["bf16_slower"] > CRAWL)

    def plan(self) -> list[str]:
        """Return every lap's name."""
        rounds = [f"{SETS[s]} · {key}" for s in SETS for key in self.timed]
        others = [f"losses · {key}" for key in ("plain", "packed")]
        memory = [f"alone · {key}" for key in self.alone]
        crawl = ["alone · trl"] if self.crawls else []
        return rounds * self.options.rounds + others + memory + crawl + ["weaker processor"]

    def job(self, kind: str, **more: Any) -> dict[str, Any]:
        """Return a child's job."""
        where = {"folder": str(self.material.folder), "work": str(self.material.work)}
        return {"kind": kind, **where, "threads": self.threads, **more}


def session(options: argparse.Namespace, load: float) -> int:
    """Compare, print and write; return the exit status."""
    with tempfile.TemporaryDirectory() as work:
        folder = _folder(options, Path(work))
        os.environ["HF_HUB_OFFLINE"] = "1"  # all is here; TRL and datasets would ask
        run = _begin(options, Material(folder, Path(work)))
        found = {"machine": _machine(run, load), "precision": run.precision, **_measure(run)}
    found["machine"]["load_end"] = round(os.getloadavg()[0], 2)
    from results import write

    out = options.out or (ROOT / "build" / "bench-train" if options.tiny else Path(__file__).parent)
    missed = write(found, out, tiny=options.tiny)
    return 1 if missed and not options.tiny else 0


def _folder(options: argparse.Namespace, work: Path) -> Path:
    if not options.tiny:
        return resolve_model(options.model)
    write_tiny(work / "tiny")
    return work / "tiny"


def _begin(options: argparse.Namespace, material: Material) -> Session:
    import torch

    threads = options.threads or machine.processors()
    torch.set_num_threads(threads)
    return Session(options, material, precision_of(material), threads)


def _machine(run: Session, load: float) -> dict[str, Any]:
    """Return and print what a reader needs to judge the timings."""
    names = ("labkit", "torch", "transformers", "peft", "accelerate", "trl")
    model = "a random tiny model" if run.options.tiny else run.options.model
    facts = {**machine.facts(), "versions": machine.versions(*names), "threads": run.threads}
    facts |= {"load_start": load, "model": model, "steps": run.options.steps}
    facts["rounds"] = run.options.rounds
    print(", ".join(f"{name} {version}" for name, version in facts["versions"].items()))
    print(f"{facts['processor']}; threads: {run.threads}; load {load}; {model}")
    print(f"precision: {run.precision['reason']}", flush=True)
    return facts


def _measure(run: Session) -> dict[str, Any]:
    progress = Progress(run.plan())
    sets = {name: _rounds(run, name, progress) for name in SETS}
    return {
        "sets": sets,
        "losses": _losses(run, progress),
        "alone": _alone(run, progress),
        "weak": _weak(run, progress),
        "minutes": (time.monotonic() - progress.start) / 60,
    }


def _rounds(run: Session, name: str, progress: Progress) -> dict[str, Any]:
    """Let every configuration take the same steps, one after another, round by round."""
    from contestants import lap

    rows = run.material.rows(name)
    laps: dict[str, list[Any]] = {key: [] for key in run.timed}
    for i in range(run.options.rounds):
        order = run.timed if i % 2 == 0 else run.timed[::-1]  # nobody always follows the same one
        for key in order:
            with progress.lap(f"{SETS[name]} · {key}"):
                laps[key].append(lap(key, run.material, rows, run.options.steps))
    timed = {
        key: {
            "seconds": [one.seconds for one in done],
            "cpu": [one.cpu for one in done],
            "first_loss": done[0].losses[0],
        }
        for key, done in laps.items()
    }
    return {"batch": describe(rows), "timed": timed}


def _losses(run: Session, progress: Progress) -> dict[str, list[float]]:
    from contestants import lap

    rows, found = run.material.rows("shared"), {}
    for key in ("plain", "packed"):
        with progress.lap(f"losses · {key}"):
            found[key] = lap(key, run.material, rows, run.options.losses).losses
    return found


def _alone(run: Session, progress: Progress) -> dict[str, Any]:
    found = {}
    for key in run.alone:
        with progress.lap(f"alone · {key}"):
            found[key] = ask(run.job("alone", key=key, steps=run.options.steps))
    if run.crawls:
        with progress.lap("alone · trl"):
            found["trl"] = ask(run.job("alone", key="trl", steps=1), limit=run.options.limit)
    return found


def _weak(run: Session, progress: Progress) -> dict[str, Any]:
    rounds = 1 if run.options.tiny else 2
    with progress.lap("weaker processor"):
        return ask(run.job("weak", steps=run.options.steps, rounds=rounds), weak=True)
