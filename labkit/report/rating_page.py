"""A rating form as one page that opens offline: it keeps a draft and saves a CSV file."""

import json
from collections.abc import Sequence
from html import escape

from .page import STYLE

SCALE = ("not at all", "hardly", "partly", "mostly", "fully")
"""What the numbers from 1 to 5 mean."""


def rating_page(
    name: str,
    items: Sequence[tuple[str, str, str, tuple[str, str]]],
    criteria: Sequence[str],
    choices: Sequence[str],
) -> str:
    """Return the page for one rater.

    Args:
        name: The rater's name; the saved file bears it.
        items: Name, prompt, reference and the two answers of each row.
        criteria: What each answer is judged by, from 1 to 5.
        choices: Which answer is preferred.
    """
    body = "\n".join(
        _item(at, item, criteria, choices, len(items)) for at, item in enumerate(items, 1)
    )
    scale = ", ".join(f"{number} = {words}" for number, words in enumerate(SCALE, 1))
    columns = [f"{criterion} {side}" for side in "AB" for criterion in criteria]
    script = _SCRIPT.replace("NAME", _js(name)).replace("COLUMNS", _js([*columns, "preferred"]))
    return (
        f'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>Which answer is better? ({escape(name)})</title>\n"
        f"<style>{STYLE}{_STYLE}</style>\n</head>\n<body>\n<main>\n"
        f"<h1>Which answer is better?</h1>\n<p>Rater: {escape(name)}. Judge each of the "
        f"{len(items)} pairs of answers by itself. {escape(scale)}. "
        "The page keeps what you have marked until you save it.</p>\n"
        f"<form>\n{body}\n<p><button type=submit>Save my judgements</button> "
        '<span role="status" aria-live="polite"></span></p>\n</form>\n'
        f"</main>\n<script>{script}</script>\n</body>\n</html>\n"
    )


def _item(
    at: int,
    item: tuple[str, str, str, tuple[str, str]],
    criteria: Sequence[str],
    choices: Sequence[str],
    n: int,
) -> str:
    name, prompt, reference, answers = item
    sides = "".join(
        f"<div><h3>Answer {side}</h3><pre>{escape(answer)}</pre>"
        + "".join(_scale(name, f"{criterion} {side}") for criterion in criteria)
        + "</div>"
        for side, answer in zip("AB", answers, strict=True)
    )
    chosen = "".join(_radio(name, "preferred", choice, choice) for choice in choices)
    return (
        f'<section data-item="{escape(name, quote=True)}"><h2>{at} of {n}</h2>'
        f"<h3>Prompt</h3><pre>{escape(prompt)}</pre>"
        f"<details><summary>An answer that is known to be right</summary>"
        f"<pre>{escape(reference)}</pre></details><div class=pair>{sides}</div>"
        f"<fieldset><legend>I would rather have</legend>{chosen}</fieldset></section>"
    )


def _scale(item: str, column: str) -> str:
    marks = "".join(_radio(item, column, str(mark), str(mark)) for mark in range(1, 6))
    return f"<fieldset><legend>{escape(column)}</legend>{marks}</fieldset>"


def _radio(item: str, column: str, value: str, words: str) -> str:
    group = escape(f"{item}|{column}", quote=True)
    return (
        f'<label><input type=radio name="{group}" value="{escape(value, quote=True)}"> '
        f"{escape(words)}</label> "
    )


def _js(value: object) -> str:
    """Return a value as JavaScript that cannot end the script it stands in."""
    return json.dumps(value).replace("<", "\\u003c")


_STYLE = """
section { border-top: 1px solid rgba(128,128,128,.4); margin-top: 2rem; }
h3 { font-size: 1rem; margin-bottom: .3em; } pre { margin: 0 0 .6em; font: inherit; }
.pair { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 20rem), 1fr));
  gap: 0 1.5rem; }
fieldset { border: 1px solid rgba(128,128,128,.4); margin: .4em 0; padding: .2em .6em .4em; }
label { display: inline-block; padding: .3em .7em .3em 0; }
.missing { border: 2px solid #e45756; }
button { font: inherit; padding: .5em 1em; }
"""

_SCRIPT = """
const form = document.forms[0], status = document.querySelector("[role=status]");
const rater = NAME, columns = COLUMNS, place = "labkit " + rater + " "
  + form.querySelector("section").dataset.item;
const keep = draft => { try { localStorage.setItem(place, JSON.stringify(draft)); } catch {} };
const kept = () => {
  try { return JSON.parse(localStorage.getItem(place)) || {}; } catch { return {}; }
};
for (const [name, value] of Object.entries(kept()))
  for (const radio of form.querySelectorAll("input"))
    if (radio.name === name && radio.value === value) radio.checked = true;
form.addEventListener("change", event => {
  event.target.closest("fieldset").classList.remove("missing");
  keep(Object.fromEntries(new FormData(form)));
});
form.addEventListener("submit", event => {
  event.preventDefault();
  const marks = new FormData(form);
  const open = [...form.querySelectorAll("fieldset")].filter(
    set => !marks.has(set.querySelector("input").name));
  for (const set of open) set.classList.add("missing");
  if (open.length) {
    status.textContent = open.length + " marks are missing; they are framed in red.";
    open[0].querySelector("input").focus();
    return;
  }
  const rows = [["item", ...columns]];
  for (const section of form.querySelectorAll("section"))
    rows.push([section.dataset.item,
      ...columns.map(column => marks.get(section.dataset.item + "|" + column))]);
  const link = document.createElement("a");
  link.href = URL.createObjectURL(
    new Blob([rows.map(row => row.join(",")).join("\\r\\n") + "\\r\\n"], {type: "text/csv"}));
  link.download = "form-" + rater + ".csv";
  link.click();
  status.textContent = "Saved as " + link.download + " in your downloads. Hand it back.";
});
"""
