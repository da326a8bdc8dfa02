"""Olive's command line: a pasted line or a whole block as jobs here."""

import shlex
from collections.abc import Sequence
from typing import Any

from ..errors import SpecError, near
from .config import read_file
from .exports import read_adapters, read_export, read_tuning
from .shell import Line, read_block
from .standins import StandIns
from .training import read_options, unknown
from .understood import Remark, Understood

COMMANDS = (
    "finetune", "auto-opt", "optimize", "quantize", "run", "generate-adapter", "convert-adapters",
    "tune-session-params",
)  # fmt: skip
"""Commands of Olive that are understood."""

SHORT = {
    "m": "model_name_or_path",
    "o": "output_path",
    "d": "data_name",
    "a": "adapter_path",
    "t": "task",
    "c": "config",
}
"""Options by one letter."""

LISTS = ("adapter_paths", "target_modules", "modules_to_save", "providers_list", "input_cols")
"""Options that may have several words."""

ACCOUNT = "Nothing here needs an account; for a gated model of the hub, run it in a terminal."

ELSEWHERE = {
    "pip": "labkit is installed with all that this needs; nothing is installed.",
    "python": "It makes or asks for an environment; this notebook or shell has its own already.",
    "source": "It enters an environment; this notebook or shell is in its own already.",
    "conda": "It makes an environment; this notebook or shell has its own already.",
    "huggingface-cli": ACCOUNT,
    "hf": ACCOUNT,
    "mkdir": "Runs make their own folders.",
    "cd": "Runs are kept in the folder runs of the current directory, which stays as it is.",
    "git": "Nothing has to be fetched.",
    "az": "Nothing is sent to a cloud.",
}
"""Programs of a pasted block that are explained in place of run."""


def read(text: str, standins: StandIns) -> list[Understood]:
    """Return what a pasted block of shell, or one command of Olive, asks for.

    Raises:
        SpecError: Something in it is not known here.
    """
    return [job for line in read_block(text) for job in _line(line, standins)]


def _line(line: Line, standins: StandIns) -> list[Understood]:
    program = line.words[0].rpartition("/")[2]
    if program != "olive":
        text = ELSEWHERE.get(program, "Only lines that begin with olive are run.")
        return [Understood(line.said, "none", remarks=(Remark("explained", text),))]
    return read_words(line.words[1:], standins, line.said)


def read_words(words: Sequence[str], standins: StandIns, said: str = "") -> list[Understood]:
    """Return what the words after `olive` ask for."""
    said = said or " ".join(["olive", *words])
    if not words or words[0] in ("--help", "-h", "help"):
        return [Understood(said, "help")]
    name, given = words[0], _given(words[1:])
    if name not in COMMANDS:
        raise SpecError(
            f"olive {name} has no counterpart here.",
            hint=near(name, COMMANDS, f"There are {', '.join(COMMANDS)}."),
        )
    if name == "finetune":
        return [_finetune(said, given, standins)]
    if name in ("auto-opt", "optimize", "quantize"):
        return [read_export(said, given, standins, name=name)]
    if name == "generate-adapter":
        return [read_adapters(said, given, standins)]
    if name == "convert-adapters":
        return [_convert(said, given, standins)]
    if name == "tune-session-params":
        return [read_tuning(said, given, standins)]
    return _run(said, given, standins)


def _finetune(said: str, given: dict[str, Any], standins: StandIns) -> Understood:
    training, rest = read_options(given, standins)
    output = rest.pop("output_path", None)
    if rest:
        raise unknown(next(iter(rest)), "olive finetune")
    task = str(given.get("task_name", given.get("task", "")))
    settings = training.finish(task=task)
    today = [
        word for name, value in given.items() if name != "task_name" for word in _word(name, value)
    ]
    line = " ".join(["olive finetune", *today])
    remarks = training.notes.ordered()
    return Understood(said, "finetune", settings, output=output, remarks=remarks, today=line)


def _convert(said: str, given: dict[str, Any], standins: StandIns) -> Understood:
    """Read the conversion of one adapter: it goes beside the export of its own base."""
    if "adapter_path" not in given:
        raise SpecError("convert-adapters needs --adapter_path.", hint="Name the adapter's folder.")
    made = {**given, "adapter_paths": given["adapter_path"]}
    del made["adapter_path"]
    return read_adapters(said, made, standins)


def _run(said: str, given: dict[str, Any], standins: StandIns) -> list[Understood]:
    file = given.pop("config", None) or given.pop("run_config", None)
    if file is None:
        raise SpecError("olive run needs --config.", hint="olive run --config FILE.yaml")
    odd = next(
        (name for name in given if name not in ("setup", "log_level", "tempdir", "output_path")),
        None,
    )
    if odd:
        raise unknown(odd, "olive run")
    return read_file(str(file), standins)


def _given(words: Sequence[str]) -> dict[str, Any]:
    """Return values by option; one without a value is true."""
    found: dict[str, Any] = {}
    name = ""
    for word in words:
        if word.startswith("-") and not _is_number(word):
            raw, _, value = word.lstrip("-").partition("=")
            name = SHORT.get(raw, raw.replace("-", "_"))
            found[name] = value or True
        elif not name:
            raise SpecError(
                f"An option must come first; got {word!r}.",
                hint="For example --model_name_or_path NAME",
            )
        elif found[name] is True:
            found[name] = word
        elif name in LISTS:
            found[name] = f"{found[name]},{word}"
        else:
            raise SpecError(
                f"{name} takes one value; got {found[name]!r} and {word!r}.",
                hint="Put a text with spaces into quotes.",
            )
    return found


def _word(name: str, value: Any) -> list[str]:  # noqa: ANN401 - an option's value
    return [f"--{name}"] if value is True else [f"--{name}", shlex.quote(str(value))]


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True
