"""What a pasted text was understood as, to be read: as text and in a notebook."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from .understood import Understood

TITLES = {
    "stand-in": "Stand-ins",
    "renamed": "Another name here",
    "changed": "Done in another way",
    "default": "Other defaults",
    "not needed": "Not needed",
}
"""Heading of each kind of remark."""

WRAPPED = '<pre style="white-space:pre-wrap">'

HELP = """olive here is labkit: the commands and configurations of the course run as they stand.

  olive finetune …              labkit finetune
  olive auto-opt / optimize …   labkit optimize
  olive quantize …              labkit optimize --precision int8 or int4
  olive generate-adapter …      labkit optimize BASE --adapters A,B
  olive convert-adapters …      the same, of one adapter
  olive tune-session-params …   labkit optimize RUN --tune 60s
  olive run --config FILE       a configuration, YAML or JSON
  olive export RUN              a run as a configuration for today's Olive

  --explain             show what it comes to, run nothing
  --map NAME=STAND-IN   take another model, data set, file or layer for a name"""
"""What `olive --help` says here."""


@dataclass(frozen=True)
class Explanation:
    """What a pasted text comes to here; shows itself in a notebook and prints as text."""

    jobs: Sequence[Understood]
    """One for each command, or for each part of a configuration."""

    def __repr__(self) -> str:
        return "\n\n".join(map(_text, self.jobs))

    def _repr_html_(self) -> str:
        return "".join(map(_html, self.jobs))


def _text(one: Understood) -> str:
    lines = [_shortened(one.said)]
    if one.job == "help":
        return HELP
    if one.job == "none":
        return "\n".join([*lines, f"  Not run: {_why(one)}"])
    if one.spec is not None:
        lines += [
            "",
            f"  Here: {one.command}",
            "",
            "  Settings",
            *_indented(one.spec.to_yaml(changed_only=True)),
        ]
    for title, texts in _remarks(one):
        lines += ["", f"  {title}", *(f"  - {text}" for text in texts)]
    if one.today:
        lines += ["", "  For today's Olive", *_indented(one.today)]
    return "\n".join(lines)


def _html(one: Understood) -> str:
    if one.job == "help":
        return f"<pre>{escape(HELP)}</pre>"
    if one.job == "none":
        return f"<p><code>{escape(one.said)}</code> Not run: {escape(_why(one))}</p>"
    parts = [f"{WRAPPED}<b>{escape(_shortened(one.said))}</b></pre>"]
    if one.spec is not None:
        settings = escape(one.spec.to_yaml(changed_only=True))
        parts.append(f"<p>Here: <code>{escape(one.command)}</code></p>{WRAPPED}{settings}</pre>")
    for title, texts in _remarks(one):
        items = "".join(f"<li>{escape(text)}</li>" for text in texts)
        parts.append(f"<p><b>{title}</b></p><ul>{items}</ul>")
    if one.today:
        summary = "<summary>For today's Olive</summary>"
        parts.append(f"<details>{summary}{WRAPPED}{escape(one.today)}</pre></details>")
    return "".join(parts)


def _why(one: Understood) -> str:
    return " ".join(remark.text for remark in one.remarks)


def _remarks(one: Understood) -> list[tuple[str, list[str]]]:
    found = {kind: [r.text for r in one.remarks if r.kind == kind] for kind in TITLES}
    return [(TITLES[kind], texts) for kind, texts in found.items() if texts]


def _shortened(said: str, most: int = 30) -> str:
    lines = said.strip().splitlines()
    return "\n".join([*lines[:most], "…"] if len(lines) > most else lines)


def _indented(text: str) -> list[str]:
    return [f"    {line}" for line in text.strip().splitlines()]
