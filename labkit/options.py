"""The options of each command: the same for a magic and for the command line."""

import argparse

from .flags import Parser, add_settings
from .spec import EvaluateSpec, FinetuneSpec, GenerateSpec, MergeSpec, OptimizeSpec

BACKGROUND = "Return at once."


def finetune_magic() -> Parser:
    """Return the options of `%%finetune`."""
    parser = Parser(prog="%%finetune", description="Fine-tune with the YAML settings in the cell.")
    parser.add_argument("name", nargs="?", help="Name of the run and of its variable.")
    parser.add_argument("--dry-run", action="store_true", help="Check and show; train nothing.")
    parser.add_argument("--background", action="store_true", help=BACKGROUND)
    parser.add_argument("--resume", action="store_true", help="Go on with the run of this name.")
    add_settings(parser, FinetuneSpec)
    return parser


def find_lr_magic() -> Parser:
    """Return the options of `%%find_lr`."""
    text = "Find a learning rate: raise it step by step, see where the loss falls fastest."
    parser = Parser(prog="%%find_lr", description=text)
    parser.add_argument("name", nargs="?", help="Name of the run.")
    parser.add_argument("--background", action="store_true", help=BACKGROUND)
    add_settings(parser, FinetuneSpec)
    return parser


def optimize_magic() -> Parser:
    """Return the options of `%optimize`."""
    parser = Parser(prog="%optimize", description="Turn a tuned model into ONNX, check, measure.")
    parser.add_argument("--background", action="store_true", help=BACKGROUND)
    optimize_options(parser)
    return parser


def evaluate_magic() -> Parser:
    """Return the options of `%evaluate`."""
    text = "Measure a tuned model beside its base, or beside other runs, on the same rows."
    parser = Parser(prog="%evaluate", description=text)
    parser.add_argument("--background", action="store_true", help=BACKGROUND)
    evaluate_options(parser)
    return parser


def merge_magic() -> Parser:
    """Return the options of `%merge`."""
    text = "Fold what a run learned into its base model's weights, and measure the difference."
    parser = Parser(prog="%merge", description=text)
    parser.add_argument("--background", action="store_true", help=BACKGROUND)
    merge_options(parser)
    return parser


def generate_magic() -> Parser:
    """Return the options of `%generate`."""
    parser = Parser(prog="%generate", description="Answer the prompt, or each line of the cell.")
    parser.add_argument("run", help="Run that answers, or a base model's name.")
    parser.add_argument("prompt", nargs="*", help="The prompt; in a cell, one a line.")
    add_settings(parser, GenerateSpec, skip=("run", "prompts"))
    return parser


def data_magic() -> Parser:
    """Return the options of `%data`."""
    text = "Report on rows before training: doubles, balance, lengths, what the template breaks."
    parser = Parser(prog="%data", description=text)
    data_options(parser)
    return parser


def rate_magic() -> Parser:
    """Return the options of `%rate`."""
    text = "Make a form in which people rate answers blindly, or read filled ones."
    parser = Parser(prog="%rate", description=text)
    rate_options(parser)
    return parser


MAGICS = {
    "finetune": finetune_magic,
    "find_lr": find_lr_magic,
    "optimize": optimize_magic,
    "evaluate": evaluate_magic,
    "merge": merge_magic,
    "generate": generate_magic,
    "data": data_magic,
    "rate": rate_magic,
}
"""The magics that have options, by name."""


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
