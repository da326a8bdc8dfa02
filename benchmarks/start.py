"""Seconds until something happens: import, a typo's answer, the first step of a warm second run.

Run it with the project's environment: `.venv/bin/python benchmarks/start.py`.
"""

import os
import subprocess
import sys
import tempfile
import time

import labkit


def main() -> None:
    """Print one line for each figure."""
    times = [_seconds("import labkit") for _ in range(3)]
    print(f"import labkit: {min(times):.2f} s")
    os.chdir(tempfile.mkdtemp())
    print(f"a typo is answered in {_typo():.3f} s")
    for number in range(1, 4):
        print(f"run {number}: {_first_step(f'run-{number}'):.1f} s to its first step")


def _seconds(code: str) -> float:
    timed = f"import time; t = time.perf_counter(); {code}; print(time.perf_counter() - t)"
    done = subprocess.run([sys.executable, "-c", timed], capture_output=True, text=True, check=True)
    return float(done.stdout)


def _typo() -> float:
    start = time.perf_counter()
    try:
        labkit.finetune(text_template="{phrase} is {tonne}")
    except labkit.LabError:
        return time.perf_counter() - start
    raise AssertionError("the typo was not seen")


def _first_step(name: str) -> float:
    """Return the seconds from asking for a run to the beginning of its first step."""
    run = labkit.finetune(name=name, max_steps=1, eval_steps=1, n_samples=0, wait=False)
    while not run.of("step"):
        time.sleep(0.02)
    asked, step = run.of("queued")[0], run.of("step")[0]
    run.stop()
    while run.is_alive:
        time.sleep(0.1)
    return float(step["time"] - step["seconds"] - asked["time"])


if __name__ == "__main__":
    main()
