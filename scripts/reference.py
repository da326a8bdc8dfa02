"""Write docs/reference.md from the specs and the options, the only place where they are defined.

`--check` writes nothing and fails where the page is not what would be written.
"""

import sys
from pathlib import Path
from typing import Any

from labkit.notebook.magics import LabMagics, finetune_parser, generate_parser, optimize_parser
from labkit.settings import Rule, Spec, docs_of, types_of
from labkit.spec import FinetuneSpec, GenerateSpec, OptimizeSpec

PAGE = Path(__file__).resolve().parents[1] / "docs" / "reference.md"
SPECS = {
    "Fine-tuning: `%%finetune`, `labkit finetune`, `labkit.finetune`": FinetuneSpec,
    "Optimising: `%optimize`, `labkit optimize`, `labkit.optimize`": OptimizeSpec,
    "Answering: `%generate`, `labkit generate`, `labkit.generate`": GenerateSpec,
}


def page() -> str:
    """Return the page."""
    parts = ["# Reference", "", "Written by `scripts/reference.py`; edit the specs.", ""]
    for title, spec in SPECS.items():
        parts += [f"## {title}", "", "| setting | default | rule | meaning |", "|---|---|---|---|"]
        parts += [_row(spec, name, text) for name, text in docs_of(spec).items()]
        parts += [""]
    parts += ["A flag is a setting with dashes: `--learning-rate 1e-4`.", "", "## Magics", ""]
    parts += [_magic(name) for name in sorted(LabMagics.magics["line"])]
    for parser in (finetune_parser(), optimize_parser(), generate_parser()):
        own = [a for a in parser._actions if a.dest not in _all_settings()]
        parts += ["", f"### `{parser.prog}`", ""]
        parts += [f"- `{_name(action)}` {action.help}" for action in own if action.help]
    return "\n".join(parts) + "\n"


def _row(spec: type[Spec], name: str, text: str) -> str:
    field = spec.__dataclass_fields__[name]  # type: ignore[attr-defined]
    default = "required" if field.default.__class__.__name__ == "_MISSING_TYPE" else field.default
    rule = str(field.metadata.get("rule", Rule())) or _kind(types_of(spec)[name])
    return f"| `{name}` | `{default}` | {_cell(rule)} | {_cell(text)} |"


def _magic(name: str) -> str:
    text = (getattr(LabMagics, name).__doc__ or "").strip()
    first = text.splitlines()[0] if not text.startswith("usage") else "see below."
    return f"- `%{name}` — {first}"


def _name(action: Any) -> str:
    return ", ".join(action.option_strings) or action.dest


def _all_settings() -> set[str]:
    return {name for spec in SPECS.values() for name in docs_of(spec)} - {"run", "prompts"}


def _kind(kind: Any) -> str:
    return str(getattr(kind, "__name__", kind)).replace("str", "text").replace(" | None", "")


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    if "--check" in sys.argv:
        same = PAGE.exists() and PAGE.read_text(encoding="utf-8") == page()
        sys.exit(0 if same else "docs/reference.md is not what the specs say. Run make docs.")
    PAGE.write_text(page(), encoding="utf-8")
