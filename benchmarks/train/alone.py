"""One configuration alone in a process of its own: for its memory, or on a weaker processor."""

import json
import os
import subprocess
import sys
import time
from dataclasses import asdict
from pathlib import Path
from statistics import median
from typing import Any

RUN = Path(__file__).with_name("run.py")
WEAK = {"ONEDNN_MAX_CPU_ISA": "AVX2"}
"""Hides from the matrix library what a processor has beyond AVX2, bf16 among it."""


def ask(job: dict[str, Any], *, limit: float | None = None, weak: bool = False) -> dict[str, Any]:
    """Do a job in a child and return its answer.

    Args:
        job: What `child` takes.
        limit: Seconds after which the child is stopped; the answer is then `{"above": s}`, the
            seconds that its training had taken by then, None where it had not begun.
        weak: Whether the processor is to look like a weaker one.
    """
    command = [sys.executable, str(RUN), "--child", json.dumps(job)]
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", **(WEAK if weak else {})}
    try:
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=limit, check=False
        )
    except subprocess.TimeoutExpired as stopped:
        return {"above": _seconds_in(bytes(stopped.stdout or b""))}
    if done.returncode != 0:
        sys.exit(f"{job} ended with {done.returncode}:\n{done.stderr[-3000:]}")
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


def _seconds_in(output: bytes) -> float | None:
    """Return the time since a child's training began."""
    lines = [line.split() for line in output.decode().splitlines()]
    begun = [float(line[1]) for line in lines if line[:1] == ["begin"]]
    return time.monotonic() - begun[0] if begun else None


def child(text: str) -> int:
    """Do the job that `ask` gave and print the answer as the last line."""
    import torch
    from material import Material

    job = json.loads(text)
    torch.set_num_threads(job["threads"])
    material = Material(Path(job["folder"]), Path(job["work"]))
    answer = _weak(material, job) if job["kind"] == "weak" else _alone(material, job)
    print(json.dumps(answer))
    return 0


def _alone(material: Any, job: dict[str, Any]) -> dict[str, Any]:
    from contestants import lap

    from labkit.machine import peak_bytes

    rows = material.rows("shared")
    found = lap(job["key"], material, rows, job["steps"], tells=True)
    return {**asdict(found), "peak": peak_bytes()}


def _weak(material: Any, job: dict[str, Any]) -> dict[str, Any]:
    """Run what `auto` chooses here and fp32, in turn; seconds per step of each."""
    from contestants import lap

    rows, chosen = material.rows("shared"), precision_of(material)
    keys = ["packed", "packed_bf16" if chosen["name"] == "bf16" else "packed"]
    laps = [
        [lap(key, material, rows, job["steps"]).seconds for key in keys]
        for _ in range(job["rounds"])
    ]
    fp32, auto = (median(column) for column in zip(*laps, strict=True))
    return {**chosen, "fp32": fp32, "auto": auto}


def precision_of(material: Any) -> dict[str, Any]:
    """Return what labkit's `auto` chooses for this model here, and the speeds it measured."""
    from labkit.training import precision

    config = material.base.config.get_text_config()
    sizes = {"hidden": config.hidden_size, "intermediate": config.intermediate_size}
    # A GPU is hidden from this process, so this is the processor's measurement.
    chosen = precision.choose("auto", **sizes)
    speeds = chosen.gflops
    slower = speeds["fp32"] / speeds["bf16"]
    return {"name": chosen.name, "reason": chosen.reason, "bf16_slower": slower}
