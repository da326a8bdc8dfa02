"""What each command takes, by functions that add it to a parser."""

import argparse
from dataclasses import fields

from ..flags import Parser, add_settings
from ..spec import (
    CombineSettings,
    CrossSpec,
    EvaluateSpec,
    FinetuneSpec,
    GenerateSpec,
    MergeSpec,
    OptimizeSpec,
    ServeSpec,
    SweepSpec,
)
from ..spec.adopt import SOURCE

UNFLAGGED = ("search_space", "settings")
"""Settings of a search that are no single values."""


def finetune_options(parser: Parser) -> None:
    """Add what `%%finetune` takes."""
    parser.add_argument("name", nargs="?", help="Name of the run and of its variable.")
    parser.add_argument("--dry-run", action="store_true", help="Check and show; train nothing.")
    add_show_code(parser)
    add_prepare(parser)
    add_background(parser)
    parser.add_argument("--resume", action="store_true", help="Go on with the run of this name.")
    add_fault(parser)
    add_settings(parser, FinetuneSpec)


def plan_options(parser: Parser) -> None:
    """Add what `%%plan` takes."""
    parser.add_argument("name", nargs="?", help="Name of the plan's folder.")
    add_settings(parser, FinetuneSpec)


def find_lr_options(parser: Parser) -> None:
    """Add what `%%find_lr` takes."""
    parser.add_argument("name", nargs="?", help="Name of the run.")
    add_background(parser)
    add_settings(parser, FinetuneSpec)


def sweep_options(parser: Parser) -> None:
    """Add the settings of `%%sweep` and `labkit sweep`; what to vary is written in YAML."""
    add_settings(parser, SweepSpec, skip=UNFLAGGED)
    add_settings(parser, FinetuneSpec)


def sweep_magic_options(parser: Parser) -> None:
    """Add what `%%sweep` takes."""
    parser.add_argument("name", nargs="?", help="Name of the search and of its variable.")
    add_background(parser)
    parser.add_argument("--resume", action="store_true", help="Go on with the search of this name.")
    text = "Work on the search of this name with one more process."
    parser.add_argument("--join", action="store_true", help=text)
    sweep_options(parser)


def generate_options(parser: Parser) -> None:
    """Add what `%generate` takes."""
    parser.add_argument("run", help="Run that answers, or a base model's name.")
    parser.add_argument("prompt", nargs="*", help="The prompt; in a cell, one a line.")
    add_settings(parser, GenerateSpec, skip=("run", "prompts"))


def optimize_options(parser: Parser) -> None:
    """Add what `%optimize` and `labkit optimize` share."""
    parser.add_argument("run", help="Run to optimise.")
    add_fault(parser)
    add_settings(parser, OptimizeSpec, skip=("run",))


def evaluate_options(parser: Parser) -> None:
    """Add what `%evaluate` and `labkit evaluate` share."""
    parser.add_argument("run", help="Run to measure.")
    parser.add_argument("--name", help="Name of the measurement (default: eval-1, eval-2, …).")
    add_settings(parser, EvaluateSpec, skip=("run",))


def merge_options(parser: Parser) -> None:
    """Add what `%merge` and `labkit merge` share."""
    parser.add_argument("run", help="Run to merge.")
    add_settings(parser, MergeSpec, skip=("run",))


def adapters_options(parser: Parser) -> None:
    """Add what `%adapters` and `labkit adapters` share."""
    text = "Runs on one base model, as tone,intents."
    parser.add_argument("adapters", type=lambda names: tuple(names.split(",")), help=text)
    parser.add_argument("--name", help="Name of the run.")
    text = "Measure each adapter on the rows of all, in place of making one of them."
    parser.add_argument("--evaluate", action="store_true", help=text)
    add_settings(parser, CombineSettings, skip=("adapters",))
    add_settings(parser, CrossSpec, skip=("adapters",))


def adopt_options(parser: Parser) -> None:
    """Add what `%adopt` and `labkit adopt` share."""
    text = "Adapter that PEFT saved, model that Transformers saved, or the name of a model."
    parser.add_argument("folder", help=text)
    parser.add_argument("--name", help="Name of the run.")
    trained = [item.name for item in fields(FinetuneSpec) if item.name not in SOURCE]
    add_settings(parser, FinetuneSpec, skip=trained)


def data_options(parser: Parser) -> None:
    """Add what `%data` and `labkit data` share."""
    text = "Data set, file or folder to report on."
    parser.add_argument("data", nargs="?", default=argparse.SUPPRESS, help=text)
    add_settings(parser, FinetuneSpec, skip=("data",))


def rate_options(parser: Parser) -> None:
    """Add what `%rate` and `labkit rate` share."""
    parser.add_argument("run", help="Run or evaluation whose answers are rated.")
    parser.add_argument("--n", type=int, default=20, help="Rows in the form (default: 20).")
    parser.add_argument("--raters", type=int, default=2, help="People who rate (default: 2).")
    text = "Read filled forms (default: the run's latest)."
    parser.add_argument("--read", nargs="*", metavar="FILE", help=text)


def serve_options(parser: Parser) -> None:
    """Add what `labkit serve` takes."""
    parser.add_argument("run", help="Run whose export answers, or its folder.")
    add_settings(parser, ServeSpec, skip=("run",))


def verify_options(parser: Parser) -> None:
    """Add what `labkit verify` takes."""
    parser.add_argument("run", help="Folder of the model, or a run that was optimised.")
    text = "Export of the run (default: the one that was chosen)."
    parser.add_argument("--precision", help=text)


def diagnose_options(parser: Parser) -> None:
    """Add what `%diagnose` and `labkit diagnose` share."""
    parser.add_argument("run", help="Fine-tuning that is looked at, its exports included.")
    text = "Train with the first change that is proposed, and say whether it helped."
    parser.add_argument("--try", action="store_true", dest="try_change", help=text)
    text = "Train on an eighth, a quarter, a half and all of its rows: would more rows help?"
    parser.add_argument("--learning-curve", action="store_true", help=text)


def lab_options(parser: Parser) -> None:
    """Add what `%lab` takes."""
    text = (
        "check, hint, solution, skip or reset with an exercise; progress, calibration, doctor, "
        "pace with a time, passport."
    )
    parser.add_argument("what", help=text)
    parser.add_argument("of", nargs="?", help="Exercise, as 5.1; time, as 12m; a passport.")
    parser.add_argument("lab", nargs="?", help="Of pace: the lab, as 05.")
    text = "Show the solution before the first try."
    parser.add_argument("--now", action="store_true", help=text)


def add_fault(parser: Parser) -> None:
    """Add the option of whatever can be spoiled for a lab."""
    text = "Put a fault into it on purpose: a name of labkit.faults.FAULTS, or any."
    parser.add_argument("--fault", metavar="NAME", default=argparse.SUPPRESS, help=text)


def scaling_options(parser: Parser) -> None:
    """Add what `%scaling` and `labkit scaling` share."""
    parser.add_argument("run", help="Fine-tuning whose steps are calculated from.")
    text = "Parameters of the larger model (default: 1e9)."
    parser.add_argument("--parameters", type=float, default=1e9, help=text)
    text = "Numbers of nodes (default: 1,8,64)."
    parser.add_argument("--nodes", type=_counts, default=(1, 8, 64), help=text)
    text = "Bandwidth of a node's network, in 10^9 bits per second (default: 10)."
    parser.add_argument("--gbits", type=float, default=10.0, help=text)


def _counts(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(","))


def runs_options(parser: Parser) -> None:
    """Add what `labkit runs` takes."""
    parser.add_argument("name", nargs="?", help="Run to show.")
    parser.add_argument("--delete", action="store_true", help="Delete this run, exports included.")
    parser.add_argument("--yes", action="store_true", help="Delete without asking.")
    add_show_code(parser)


def add_show_code(parser: Parser) -> None:
    """Add the option of whatever knows a fine-tuning's settings."""
    text = "Write the plain PyTorch and PEFT program that does the same; train nothing."
    parser.add_argument("--show-code", action="store_true", help=text)


def add_prepare(parser: Parser) -> None:
    """Add the option of whatever makes a fine-tuning's folder."""
    text = "Write the run's folder, start nothing, and say how a launcher trains it."
    parser.add_argument("--prepare", action="store_true", help=text)


def add_background(parser: Parser) -> None:
    """Add the option of every magic that starts a run."""
    parser.add_argument("--background", action="store_true", help="Return at once.")


def add_panel(parser: Parser) -> None:
    """Add the option of every magic that has a panel."""
    parser.add_argument("--panel", action="store_true", help="Do it with the mouse, in a panel.")


def shown_options(parser: Parser) -> None:
    """Add what `%runs` takes."""
    parser.add_argument("name", nargs="?", help="Run to show, and to follow while it goes on.")
    add_show_code(parser)
