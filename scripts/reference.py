"""Write docs/reference.md from the specs and the options, the only place where they are defined.

`--check` writes nothing and fails where the page is not what would be written.
"""

import sys
from dataclasses import MISSING
from pathlib import Path
from typing import Any

from labkit.notebook.magics import MAGIC_METHODS
from labkit.options import MAGICS
from labkit.settings import Rule, Spec, docs_of, types_of
from labkit.spec import (
    LOSSES,
    METHODS,
    AdaptersSpec,
    CombineSettings,
    EvaluateSpec,
    FinetuneSpec,
    GenerateSpec,
    MergeSpec,
    OptimizeSpec,
    ServeSpec,
    SweepSpec,
)
from labkit.spec.loss import LossSettings

PAGE = Path(__file__).resolve().parents[1] / "docs" / "reference.md"
SPECS = {
    "Fine-tuning: `%%finetune`, `labkit finetune`, `labkit.finetune`": FinetuneSpec,
    "Several adapters: `%%finetune`, `labkit finetune`, `labkit.finetune`": AdaptersSpec,
    "Searching: `%%sweep`, `labkit sweep`, `labkit.sweep`": SweepSpec,
    "Optimising: `%optimize`, `labkit optimize`, `labkit.optimize`": OptimizeSpec,
    "Measuring: `%evaluate`, `labkit evaluate`, `labkit.evaluate`": EvaluateSpec,
    "Merging: `%merge`, `labkit merge`, `labkit.merge`": MergeSpec,
    "Several adapters as one: `%adapters`, `labkit adapters`, `labkit.combine`": CombineSettings,
    "Answering: `%generate`, `labkit generate`, `labkit.generate`": GenerateSpec,
    "Serving: `labkit serve`": ServeSpec,
}


def page() -> str:
    """Return the page."""
    parts = ["# Reference", "", "Written by `scripts/reference.py`; edit the specs.", ""]
    for title, spec in SPECS.items():
        parts += [f"## {title}", "", "| setting | default | rule | meaning |", "|---|---|---|---|"]
        parts += [_row(spec, name, text) for name, text in docs_of(spec).items()]
        parts += [""]
        parts += [*_methods(), *_losses()] if spec is FinetuneSpec else []
    parts += ["A flag is a setting with dashes: `--learning-rate 1e-4`.", "", "## Magics", ""]
    parts += [_magic(name) for name in sorted(MAGIC_METHODS["line"])]
    for parser in (options() for options in MAGICS.values()):
        own = [a for a in parser._actions if a.dest not in _all_settings()]
        parts += ["", f"### `{parser.prog}`", ""]
        parts += [f"- `{_name(action)}` {action.help}" for action in own if action.help]
    return "\n".join(parts) + "\n"


def _methods() -> list[str]:
    """Return the table of methods: what each takes, its defaults, whether it merges."""
    head = ["### Methods", "", "A setting that a method does not take is an error.", ""]
    head += [
        "| `method` | what | paper | settings and defaults | merges |",
        "|---|---|---|---|---|",
    ]
    for name, method in METHODS.items():
        taken = ", ".join(f"`{key}` {value}" for key, value in method.defaults.items())
        merges = "yes" if method.merges else "no"
        head.append(f"| `{name}` | {method.title} | {method.paper} | {taken} | {merges} |")
    return [*head, ""]


def _losses() -> list[str]:
    """Return the table of losses: what each takes, its defaults."""
    head = ["### Losses", "", "A setting that a loss does not take is an error.", ""]
    head += ["| `loss` | what | paper | settings and defaults |", "|---|---|---|---|"]
    for name, loss in LOSSES.items():
        taken = ", ".join(f"`{key}` {value}" for key, value in loss.defaults.items())
        head.append(f"| `{name}` | {loss.title} | {loss.paper} | {taken} |")
    return [*head, ""]


def _row(spec: type[Spec], name: str, text: str) -> str:
    field = spec.__dataclass_fields__[name]  # type: ignore[attr-defined]
    rule = field.metadata.get("rule", Rule())
    default = f"`{field.default}`" if field.default is not MISSING else "required"
    decides = "loss" if name in LossSettings.__dataclass_fields__ else "method"
    default = f"by {decides}" if rule.is_dependent else default
    rule = str(rule) or _kind(types_of(spec)[name])
    return f"| `{name}` | {default} | {_cell(rule)} | {_cell(text)} |"


def _magic(name: str) -> str:
    text = (MAGIC_METHODS["line"][name].__doc__ or "").strip()
    first = text.splitlines()[0] if not text.startswith("usage") else "see below."
    return f"- `%{name}` — {first}"


def _name(action: Any) -> str:
    return ", ".join(action.option_strings) or action.dest


def _all_settings() -> set[str]:
    return {name for spec in SPECS.values() for name in docs_of(spec)} - {"run", "prompts"}


def _kind(kind: Any) -> str:
    lists = str(kind).replace("tuple[str, ...]", "list of texts").replace(" | None", "")
    lists = lists.replace("dict[str, typing.Any]", "name: value lines")
    return lists.replace("str", "text").removeprefix("<class '").removesuffix("'>")


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    if "--check" in sys.argv:
        same = PAGE.exists() and PAGE.read_text(encoding="utf-8") == page()
        sys.exit(0 if same else "docs/reference.md is not what the specs say. Run make docs.")
    PAGE.write_text(page(), encoding="utf-8")
