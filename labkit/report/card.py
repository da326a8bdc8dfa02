"""The model card of a run: `README.md`, as the Hugging Face hub reads it."""

from pathlib import Path

from ..catalog.entries import data_entry, model_entry
from ..files import write_text
from ..run import Run
from ..spec import AdoptSpec, CombineSpec
from ..yaml import write_yaml
from . import words
from .export_card import export_card
from .exports import exported
from .facts import facts, title
from .faulty import faulty
from .front_matter import front_matter
from .ladder import ladder
from .loading import loading
from .markdown import draw, fenced
from .origins import about_base, about_data, learned_how
from .results import results
from .rungs import ladder_of
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
        return _of_export(run)
    parts = [
        f"---\n{write_yaml(front_matter(run))}---",
        f"# {title(run)}",
        *(draw(block) for block in faulty(run)),
        _opening(run),
        *_section("Intended use", _use(run)),
        *_section("How to load it", loading(run)),
        *_section("Results", *(draw(block) for block in results(run))),
        *_section("Exported models", *(draw(block) for block in exported(run))),
        *_section("Base model", about_base(str(run.spec.as_dict()["model"]))),
        *_section("Data", about_data(run)),
        *_section("Training", *(draw(block) for block in facts(run)[:2]), _settings(run)),
        *_section("Limits", _limits(run)),
        *_section("How it was made", _made(run)),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _of_export(run: Run) -> str:
    """Return the card of the model that an export chose; before that, what is known so far."""
    chosen = ladder_of(run).chosen
    if chosen:
        return export_card(run, chosen)
    parts = [f"# {title(run)}", "No model of this export is within its gate.",
             *(draw(block) for block in ladder(run))]  # fmt: skip
    return "\n\n".join(parts) + "\n"


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
    if isinstance(run.spec, CombineSpec):
        learned = f"An adapter made of {', '.join(run.spec.adapters)} ({run.spec.combine})"
        return f"{learned} for {base}. On {rows}: {headline(run.metrics)}{state}"
    learned = learned_how(spec["method"])
    if isinstance(run.spec, AdoptSpec):
        return f"{learned} for {base}, trained elsewhere. On {rows}: {headline(run.metrics)}{state}"
    return f"{learned} for {base}, trained on {rows}. {headline(run.metrics)}{state}"


def _use(run: Run) -> str:
    metrics = run.metrics
    if metrics.get("task") == "classification":
        named = ", ".join(f"`{label}`" for label in metrics.get("labels", []))
        if run.spec.as_dict()["loss"] == "contrastive":
            return (
                "Gives a text an embedding that is near those of texts with the same label, of "
                f"{named}: the mean of its tokens' states, scaled to length 1, as below."
            )
        return (
            f"Puts one of these labels on a text in the form of the training rows: {named}. "
            "Score each label's likelihood after the prompt, as the results below were measured."
        )
    if metrics.get("task") == "retrieval":
        return (
            "Gives a text an embedding that is near that of the text which belongs to it: the mean "
            "of its tokens' states, scaled to length 1, as below."
        )
    return "Continues prompts in the form of the training rows. Other forms were not measured."


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
