"""The options of each command: the same for a magic and for the command line."""

import argparse
from collections.abc import Callable, Mapping

from .flags import Parser, add_settings
from .spec import EvaluateSpec, FinetuneSpec, GenerateSpec, MergeSpec, OptimizeSpec, ServeSpec


def finetune_options(parser: Parser) -> None:
    """Add what `%%finetune` takes."""
    parser.add_argument("name", nargs="?", help="Name of the run and of its variable.")
    parser.add_argument("--dry-run", action="store_true", help="Check and show; train nothing.")
    add_background(parser)
    parser.add_argument("--resume", action="store_true", help="Go on with the run of this name.")
    add_settings(parser, FinetuneSpec)


def find_lr_options(parser: Parser) -> None:
    """Add what `%%find_lr` takes."""
    parser.add_argument("name", nargs="?", help="Name of the run.")
    add_background(parser)
    add_settings(parser, FinetuneSpec)


def generate_options(parser: Parser) -> None:
    """Add what `%generate` takes."""
    parser.add_argument("run", help="Run that answers, or a base model's name.")
    parser.add_argument("prompt", nargs="*", help="The prompt; in a cell, one a line.")
    add_settings(parser, GenerateSpec, skip=("run", "prompts"))


def optimize_options(parser: Parser) -> None:
    """Add what `%optimize` and `labkit optimize` share."""
    parser.add_argument("run", help="Run to optimise.")
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


def runs_options(parser: Parser) -> None:
    """Add what `labkit runs` takes."""
    parser.add_argument("name", nargs="?", help="Run to show.")
    parser.add_argument("--delete", action="store_true", help="Delete this run, exports included.")
    parser.add_argument("--yes", action="store_true", help="Delete without asking.")


def add_background(parser: Parser) -> None:
    """Add the option of every magic that starts a run."""
    parser.add_argument("--background", action="store_true", help="Return at once.")


def add_panel(parser: Parser) -> None:
    """Add the option of every magic that has a panel."""
    parser.add_argument("--panel", action="store_true", help="Do it with the mouse, in a panel.")


def shown_options(parser: Parser) -> None:
    """Add what `%runs` takes."""
    parser.add_argument("name", nargs="?", help="Run to show, and to follow while it goes on.")


def _magic(prog: str, text: str, *options: Callable[[Parser], None]) -> Callable[[], Parser]:
    """Return the maker of a magic's parser."""

    def made() -> Parser:
        parser = Parser(prog=prog, description=text)
        for add in options:
            add(parser)
        return parser

    return made


MAGICS: Mapping[str, Callable[[], Parser]] = {
    "finetune": _magic(
        "%%finetune",
        "Fine-tune with the YAML settings in the cell.",
        finetune_options,
        add_panel,
    ),
    "find_lr": _magic(
        "%%find_lr",
        "Find a learning rate: raise it step by step, see where the loss falls fastest.",
        find_lr_options,
    ),
    "optimize": _magic(
        "%optimize",
        "Turn a tuned model into ONNX, check, measure.",
        add_panel,
        add_background,
        optimize_options,
    ),
    "evaluate": _magic(
        "%evaluate",
        "Measure a tuned model beside its base, or beside other runs, on the same rows.",
        add_background,
        evaluate_options,
    ),
    "merge": _magic(
        "%merge",
        "Fold what a run learned into its base model's weights, and measure the difference.",
        add_background,
        merge_options,
    ),
    "generate": _magic(
        "%generate", "Answer the prompt, or each line of the cell.", generate_options
    ),
    "data": _magic(
        "%data",
        "Report on rows before training: doubles, balance, lengths, what the template breaks.",
        data_options,
        add_panel,
    ),
    "runs": _magic(
        "%runs",
        "List the runs, or show one and follow it while it goes on.",
        shown_options,
        add_panel,
    ),
    "rate": _magic(
        "%rate",
        "Make a form in which people rate answers blindly, or read filled ones.",
        rate_options,
    ),
}
"""The magics that have options, by name, each with the maker of its parser."""
