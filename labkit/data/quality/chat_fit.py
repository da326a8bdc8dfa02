"""Whether rows and model speak the same way: chat rows, chat templates, other models' marks."""

from pathlib import Path

from ...errors import listed
from ..tokens import MARK
from .findings import Finding
from .material import Material
from .tokenizer import has_chat_template, tokenizer_folder


def chat_findings(material: Material) -> list[Finding]:
    """Return hints where a chat model gets bare text, or a base model gets chats."""
    folder = tokenizer_folder(material.spec.model)
    if folder is None:
        return []
    model, has_template = material.spec.model, has_chat_template(folder)
    if material.layout.chat and not has_template:
        return [Finding(
            "stop", "chat", f"The rows are chats, and {model} has no chat template.",
            "Use a chat model (…-Instruct), or turn the rows into columns and set text_template.",
        )]  # fmt: skip
    if material.layout.chat or not has_template:
        return []
    return _bare(model, material, folder)


def _bare(model: str, material: Material, folder: Path) -> list[Finding]:
    """Return a hint on text without the marks that a chat model was trained with."""
    fixed = [text for text, _ in (*material.layout.prompt, *material.layout.completion)]
    marks = list(dict.fromkeys(MARK.findall(" ".join(fixed))))
    template = _text(folder)
    if marks and all(mark in template for mark in marks):
        return []
    if marks:
        foreign = listed([mark for mark in marks if mark not in template], "and")
        sentence = f"The template writes {foreign}, which {model} has not learned as a mark."
        advice = "Write the marks of this model's own chat template."
        return [Finding("warn", "chat", sentence, advice)]
    sentence = f"{model} is a chat model, and the rows are written without its chat template."
    advice = "Rows with messages are written with it: better where the model should go on to chat."
    if material.task == "classification":
        advice = "For short labels that is common and cheap; compare with the base model."
    return [Finding("hint", "chat", sentence, advice)]


def _text(folder: Path) -> str:
    names = ("chat_template.jinja", "tokenizer_config.json")
    files = [folder / name for name in names]
    return "".join(file.read_text(encoding="utf-8") for file in files if file.is_file())
