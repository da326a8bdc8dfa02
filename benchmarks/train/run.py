"""`make bench-train`: labkit's training beside the plain Trainer and TRL, on this processor.

This file needs the standard library alone: it makes an environment beside itself, with TRL in it,
and goes on there. See `--help` for the options.
"""

import argparse
import os
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1] / "scripts"))
from environment import create_once  # noqa: E402 - it lies in scripts/

ENVIRONMENT = HERE / ".venv"
REQUIREMENTS = HERE / "requirements.txt"
INSIDE = "LABKIT_BENCH_LOAD"
"""Set in the environment's own process: the machine's load at the start."""


def main() -> int:
    options = arguments()
    if INSIDE not in os.environ:
        load = quiet_machine(force=options.force or options.tiny or bool(options.child))
        create_once(ENVIRONMENT, REQUIREMENTS)
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


def go_on_inside(load: float) -> None:
    """Start this script again in the environment; does not return."""
    more = {INSIDE: f"{load:.2f}", "CUDA_VISIBLE_DEVICES": "", "TOKENIZERS_PARALLELISM": "false"}
    command = [python(), str(HERE / "run.py"), *sys.argv[1:]]
    os.execve(command[0], command, {**os.environ, **more})


def python() -> str:
    return str(ENVIRONMENT / "bin" / "python")


if __name__ == "__main__":
    sys.exit(main())
