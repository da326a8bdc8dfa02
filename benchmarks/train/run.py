"""`make bench-train`: labkit's training beside the plain Trainer and TRL, on this processor.

This file needs the standard library alone: it makes an environment beside itself, with TRL in it,
and goes on there. See `--help` for the options.
"""

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
import tomllib
import venv
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
ENVIRONMENT = HERE / ".venv"
REQUIREMENTS = HERE / "requirements.txt"
TORCH_CPU = "https://download.pytorch.org/whl/cpu"
INSIDE = "LABKIT_BENCH_LOAD"
"""Set in the environment's own process: the machine's load at the start."""


def main() -> int:
    options = arguments()
    if INSIDE not in os.environ:
        load = quiet_machine(force=options.force or options.tiny or bool(options.child))
        make_environment()
        go_on_inside(load)
    if options.child:
        from alone import child

        return child(options.child)
    from session import session

    return session(options, float(os.environ[INSIDE]))


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--model", default="smollm2-135m", help="catalogue name or folder")
    parser.add_argument("--rounds", type=int, default=3, help="interleaved rounds")
    parser.add_argument("--steps", type=int, default=2, help="steps of each configuration a round")
    parser.add_argument("--losses", type=int, default=16, help="losses compared")
    parser.add_argument("--limit", type=int, default=150, help="seconds for a bf16 crawl")
    parser.add_argument("--threads", type=int, help="default: the processors there are")
    parser.add_argument("--force", action="store_true", help="time on a busy machine too")
    parser.add_argument("--tiny", action="store_true", help="a random model, to prove the script")
    parser.add_argument("--out", type=Path, help="folder for results.md and results.json")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    options = parser.parse_args()
    for name in ("rounds", "steps", "losses", "limit"):
        if getattr(options, name) < 1:
            parser.error(f"--{name} must be at least 1; got {getattr(options, name)}.")
    return options


def quiet_machine(*, force: bool) -> float:
    """Return the load average, or end where timings would measure other people's work."""
    load, n_cores = os.getloadavg()[0], len(os.sched_getaffinity(0))
    if load > n_cores / 2 and not force:
        sys.exit(
            f"The load average must be at most half of the {n_cores} cores; it is {load:.2f}. "
            "Wait until the machine is quiet, or add --force."
        )
    return load


def make_environment() -> None:
    """Make the environment, unless it is there with these very requirements."""
    own = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = REQUIREMENTS.read_text(encoding="utf-8") + "".join(own["dependencies"])
    digest = hashlib.sha256(wanted.encode()).hexdigest()
    stamp = ENVIRONMENT / "ready"
    if stamp.exists() and stamp.read_text() == digest:
        return
    print("Making benchmarks/train/.venv: a few minutes, once.", flush=True)
    venv.create(ENVIRONMENT, with_pip=True, clear=True)
    install = [python(), "-m", "pip", "--disable-pip-version-check", "install", "-q"]
    if sys.platform == "linux" and not shutil.which("nvidia-smi"):
        small = ["torch==2.13.0", "--index-url", TORCH_CPU, "--retries", "0", "--timeout", "15"]
        # Where that address does not answer, the next command takes what the index has.
        subprocess.run([*install, *small], stderr=subprocess.DEVNULL, check=False)
    subprocess.run([*install, "-r", str(REQUIREMENTS), "-e", str(ROOT)], check=True)
    stamp.write_text(digest)


def go_on_inside(load: float) -> None:
    """Start this script again in the environment; does not return."""
    more = {INSIDE: f"{load:.2f}", "CUDA_VISIBLE_DEVICES": "", "TOKENIZERS_PARALLELISM": "false"}
    command = [python(), str(HERE / "run.py"), *sys.argv[1:]]
    os.execve(command[0], command, {**os.environ, **more})


def python() -> str:
    return str(ENVIRONMENT / "bin" / "python")


if __name__ == "__main__":
    sys.exit(main())
