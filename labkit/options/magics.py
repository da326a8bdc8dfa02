"""The magics that have options, each with what it is for and what it takes."""

from collections.abc import Callable, Mapping

from ..flags import Parser
from .commands import (
    adapters_options,
    add_background,
    add_panel,
    adopt_options,
    data_options,
    diagnose_options,
    evaluate_options,
    find_lr_options,
    finetune_options,
    generate_options,
    lab_options,
    merge_options,
    optimize_options,
    plan_options,
    rate_options,
    scaling_options,
    shown_options,
    sweep_magic_options,
)


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
    "plan": _magic(
        "%%plan",
        "Say what a fine-tuning will need here: memory, time, disk; train nothing.",
        plan_options,
    ),
    "find_lr": _magic(
        "%%find_lr",
        "Find a learning rate: raise it step by step, see where the loss falls fastest.",
        find_lr_options,
    ),
    "sweep": _magic(
        "%%sweep",
        "Search among settings: trials as the YAML in the cell says, the best beside the default.",
        sweep_magic_options,
        add_panel,
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
    "adapters": _magic(
        "%adapters",
        "Make one adapter of several, by PEFT's ways, or measure each on all tasks.",
        add_background,
        adapters_options,
    ),
    "adopt": _magic(
        "%adopt",
        "Make a run of an adapter or a model that was trained elsewhere, and measure it.",
        add_background,
        adopt_options,
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
    "lab": _magic(
        "%lab",
        "Work on an exercise of the course, or see where you stand.",
        lab_options,
    ),
    "diagnose": _magic(
        "%diagnose",
        "Say what is wrong with a run, with the evidence and one change each.",
        diagnose_options,
    ),
    "scaling": _magic(
        "%scaling",
        "Calculate what a run's step would take with a larger model on more nodes.",
        scaling_options,
    ),
    "rate": _magic(
        "%rate",
        "Make a form in which people rate answers blindly, or read filled ones.",
        rate_options,
    ),
}
"""The magics that have options, by name, each with the maker of its parser."""
