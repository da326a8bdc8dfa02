"""labkit's own options on a line of Olive's: `--explain` and `--map`."""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass, field

from ..errors import SpecError
from .shell import read_block


@dataclass(frozen=True)
class Asked:
    """A line as it was typed, labkit's own options apart."""

    text: str
    """The rest of it."""

    explain: bool = False
    """Whether it is only to be explained."""

    map: dict[str, str] = field(default_factory=dict)
    """Stand-ins by name."""


def asked(words: Sequence[str]) -> Asked:
    """Return what the words after `olive` ask for; one word with spaces is a whole command.

    Raises:
        SpecError: `--map` has no `NAME=STAND-IN` behind it.
    """
    explain, standins, rest = False, {}, []
    left = iter(words)
    for word in left:
        if word == "--explain":
            explain = True
        elif word == "--map" or word.startswith("--map="):
            pair = word.partition("=")[2] or next(left, "")
            name, _, taken = pair.partition("=")
            if not name or not taken:
                raise SpecError(
                    f"--map takes NAME=STAND-IN; got {pair!r}.",
                    hint="For example --map meta-llama/Llama-3.2-1B-Instruct=smollm2-135m",
                )
            standins[name] = taken
        else:
            rest.append(word)
    text = rest[0] if len(rest) == 1 and " " in rest[0].strip() else shlex.join(rest)
    return Asked(text, explain, standins)


def asked_line(line: str) -> Asked:
    """Return what a line of a notebook asks for."""
    lines = read_block(f"olive {line}")  # export alone would be the shell's own command
    return asked([word for one in lines for word in one.words][1:])
