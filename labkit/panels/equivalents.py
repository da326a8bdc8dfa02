"""The same fine-tuning as a cell, as a command and as YAML."""

import shlex
from functools import cache
from typing import Any

from ..errors import SpecError
from ..flags import Parser, settings_of
from ..options import MAGICS
from ..spec import FinetuneSpec
from ..typed import flag
from ..yaml import write_yaml


def yaml_text(spec: FinetuneSpec) -> str:
    """Return the settings that differ from the defaults, after model and data."""
    values = asked(spec)
    return write_yaml({n: list(v) if isinstance(v, tuple) else v for n, v in values.items()})


def cell_text(spec: FinetuneSpec, name: str) -> str:
    """Return the cell that starts the same run."""
    return f"%%finetune {name}".rstrip() + f"\n{yaml_text(spec)}"


def command_text(spec: FinetuneSpec, name: str) -> str:
    """Return the command that starts the same run; a file says what flags cannot."""
    named = ["--name", name] if name else []
    words = [word for key, value in asked(spec).items() for word in flag(key, value)]
    if _is_read_back(words, spec):
        pairs = [" ".join(map(shlex.quote, pair)) for pair in _pairs([*named, *words])]
        return " \\\n  ".join(["labkit finetune", *pairs])
    file = f"{name or 'run'}.yaml"
    return f"# the YAML below, saved as {file}:\nlabkit finetune {shlex.join([file, *named])}"


def asked(spec: FinetuneSpec) -> dict[str, Any]:
    """Return the settings that a reader has to see: model, data and what was changed."""
    return {"model": spec.model, "data": spec.data} | spec.changed()


def _pairs(words: list[str]) -> list[list[str]]:
    """Return flags, each with its value."""
    pairs: list[list[str]] = []
    for word in words:
        if word.startswith("--"):
            pairs.append([word])
        else:
            pairs[-1].append(word)
    return pairs


def _is_read_back(words: list[str], spec: FinetuneSpec) -> bool:
    try:
        read = settings_of(_parser().parse_args(words), FinetuneSpec)
        return FinetuneSpec.from_mapping(read) == spec
    except SpecError:
        return False


@cache
def _parser() -> Parser:
    return MAGICS["finetune"]()
