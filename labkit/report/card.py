"""The model card of a run: `README.md`, as the Hugging Face hub reads it."""

from pathlib import Path

from ..catalog.entries import data_entry, model_entry
from ..files import write_text
from ..run import Run
from ..spec import METHODS
from ..yaml import write_yaml
from . import words
from .facts import facts, title
from .front_matter import front_matter
from .ladder import ladder
from .loading import loading
from .markdown import draw, escaped, fenced
from .results import results
from .scores import headline
from .story import settled


def write_card(run: Run) -> Path:
    """Write the run's `README.md` and return its path."""
    file = run.path / "README.md"
    write_text(file, card(run))
    return file


def card(run: Run) -> str:
    """Return the model card as Markdown with a YAML head."""
    if run.job == "optimize":
        return _export_card(run)
    parts = [
        f"---\n{write_yaml(front_matter(run))}---",
        f"# {title(run)}",
        _opening(run),
        *_section("Intended use", _use(run)),
        *_section("How to load it", loading(run)),
        *_section("Results", *(draw(block) for block in results(run))),
        *_section("Base model", _base(run)),
        *_section("Data", _data(run)),
        *_section("Training", *(draw(block) for block in facts(run)[:2]), _settings(run)),
        *_section("Limits", _limits(run)),
        *_section("How it was made", _made(run)),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _section(title: str, *parts: str) -> list[str]:
    body = "\n\n".join(part for part in parts if part)
    return [f"## {title}", body] if body else []


def _opening(run: Run) -> str:
    spec = run.spec.as_dict()
    model, data = model_entry(spec["model"]), data_entry(spec["data"])
    base = model.title if model else spec["model"]
    rows = f"{data.title} (`{data.name}`)" if data else f"`{spec['data']}`"
    status = settled(run)
    state = "" if status == "done" else f" The run is **{words.STATUS[status][1]}**."
    return (
        f"{_learned(spec['method'])} for {base}, trained on {rows}. {headline(run.metrics)}{state}"
    )


_LEARNED = {
    "full": "All weights",
    "adapter": "Bottleneck adapters",
    "prompt_tuning": "A trained prompt",
    "prefix_tuning": "A trained prefix",
}
"""What a run learned, where it is not simply an adapter."""


def _learned(method: str) -> str:
    """Return what was learned, by which method, and where that is described."""
    title, paper = METHODS[method].title, METHODS[method].paper
    article = "An" if method in ("ia3", "rslora") else "A"
    if method in _LEARNED:
        return f"{_LEARNED[method]} ({title}: {paper})"
    return f"{article} {title} adapter ({paper})"


def _base(run: Run) -> str:
    """Return the base model's name, maker and licence, as far as they are known."""
    name = str(run.spec.as_dict()["model"])
    entry = model_entry(name)
    if entry is None:
        return f"`{name}`; labkit does not know its licence, so look it up before you share this."
    licence = f"[{entry.licence}]({entry.licence_url})"
    return f"{entry.title}, made by {entry.made_by}. Licence of the weights: {licence}."


def _use(run: Run) -> str:
    metrics = run.metrics
    if metrics.get("task") == "classification":
        named = ", ".join(f"`{label}`" for label in metrics.get("labels", []))
        return (
            f"Puts one of these labels on a text in the form of the training rows: {named}. "
            "Score each label's likelihood after the prompt, as the results below were measured."
        )
    return "Continues prompts in the form of the training rows. Other forms were not measured."


def _data(run: Run) -> str:
    spec = run.spec.as_dict()
    entry = data_entry(spec["data"])
    said = [f"Training rows: `{spec['data']}`, split `{spec['split']}`."]
    if entry:
        said.append(
            f"{entry.purpose[:1].upper()}{entry.purpose[1:]}. Licence of the rows: {entry.licence}."
        )
    said += [escaped(str(event["text"])) for event in run.of("note") if event.get("text")]
    return "\n".join(f"- {sentence}" for sentence in dict.fromkeys(said))


def _settings(run: Run) -> str:
    lines = run.spec.to_yaml(changed_only=True).strip()
    if not lines:
        return "All settings are labkit's defaults."
    return f"Settings that differ from labkit's defaults:\n\n{fenced(lines, 'yaml')}"


def _limits(run: Run) -> str:
    tuned = run.metrics.get("tuned") or {}
    n = tuned.get("n")
    rows = f"{words.count(n)} held-out rows" if n else "no held-out rows yet"
    return (
        f"The figures come from {rows} of the same source as the training rows; on other texts the "
        "model may do worse, and the interval does not cover that. It keeps the biases and errors "
        "of its base model. It was not tested for decisions about people."
    )


def _made(run: Run) -> str:
    from ..machine import versions

    found = versions("labkit", "torch", "transformers", "peft")
    named = ", ".join(f"{package} {number}" for package, number in found.items())
    seed = run.spec.as_dict()["seed"]
    return f"With {named}, seed {seed}. The whole record is in `report.html` beside this file."


def _export_card(run: Run) -> str:
    spec = run.spec.as_dict()
    parts = [
        "---\nlibrary_name: onnx\ntags: [labkit, onnx]\n---",
        f"# {title(run)}",
        f"The run `{spec['run']}`, merged into its base model and exported to ONNX with "
        f"{spec['precision']} weights for `{spec['target']}`.",
        *(draw(block) for block in ladder(run)),
    ]
    return "\n\n".join(parts) + "\n"
