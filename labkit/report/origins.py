"""Whose work a model was made from, and how, in a model card's sentences."""

from ..catalog.entries import data_entry, model_entry
from ..run import Run
from ..spec import METHODS
from .markdown import escaped

_LEARNED = {
    "full": "All weights",
    "adapter": "Bottleneck adapters",
    "prompt_tuning": "A trained prompt",
    "prefix_tuning": "A trained prefix",
}
"""What a run learned, where it is not simply an adapter."""


def learned_how(method: str) -> str:
    """Return what was learned, by which method, and where that is described."""
    title, paper = METHODS[method].title, METHODS[method].paper
    article = "An" if method in ("ia3", "rslora") else "A"
    if method in _LEARNED:
        return f"{_LEARNED[method]} ({title}: {paper})"
    return f"{article} {title} adapter ({paper})"


def about_base(name: str) -> str:
    """Return the base model's name, maker and licence, as far as they are known."""
    entry = model_entry(name)
    if entry is None:
        return f"`{name}`; labkit does not know its licence, so look it up before you share this."
    licence = f"[{entry.licence}]({entry.licence_url})"
    return f"{entry.title}, made by {entry.made_by}. Licence of the weights: {licence}."


def about_data(run: Run) -> str:
    """Return what the rows are, their licence, and what was noted of them."""
    spec = run.spec.as_dict()
    entry = data_entry(spec["data"])
    said = [f"Training rows: `{spec['data']}`, split `{spec['split']}`."]
    if entry:
        said.append(
            f"{entry.purpose[:1].upper()}{entry.purpose[1:]}. Licence of the rows: {entry.licence}."
        )
    said += [escaped(str(event["text"])) for event in run.of("note") if event.get("text")]
    return "\n".join(f"- {sentence}" for sentence in dict.fromkeys(said))
