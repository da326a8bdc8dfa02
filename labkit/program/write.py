"""A program's files: what is read of the settings, the rows and the model, and put together."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import catalog, data
from ..errors import SpecError
from ..spec import FinetuneSpec
from ..training import precision
from ..training.surroundings import quiet
from .assemble import Subject, program
from .rows import jsonl, rows_of

if TYPE_CHECKING:
    from transformers import PreTrainedModel

WRITTEN_FOR: dict[str, tuple[Any, ...]] = {
    "loss": ("cross_entropy",),
    "head": (False,),
    "init_lora_weights": (None, "default", "gaussian", "orthogonal"),
}
"""Values that a plain program is written for, where it is not all of a setting's."""


def files(spec: FinetuneSpec, name: str, computed: str | None) -> dict[str, str]:
    """Return `train.py` and `rows.jsonl` of a run with these settings.

    Args:
        spec: The settings.
        name: What the program calls the run.
        computed: The precision that the run chose; left out: what it would choose here.

    Raises:
        SpecError: No plain program is written for a setting.
    """
    from transformers import AutoTokenizer

    for setting, values in WRITTEN_FOR.items():
        _check(setting, getattr(spec, setting), values)
    folder = catalog.resolve_model(spec.model, trust_remote_code=spec.trust_remote_code)
    with quiet():
        tokenizer = AutoTokenizer.from_pretrained(
            folder, trust_remote_code=spec.trust_remote_code, local_files_only=True
        )
        bare = _bare(folder, spec.trust_remote_code)
        rows = rows_of(data.load(spec), tokenizer, spec.max_length)
        computed = computed or _precision(spec, bare)
        pad = getattr(tokenizer, "pad_token_id", None) or 0
        subject = Subject(spec, name, folder, bare, rows, pad, computed)
        return {"train.py": program(subject), "rows.jsonl": jsonl(rows.lines)}


def _bare(folder: Path, trust_remote_code: bool) -> "PreTrainedModel":
    """Return the model without its weights: its layers' names are enough."""
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    own = {"trust_remote_code": trust_remote_code}
    config = AutoConfig.from_pretrained(folder, local_files_only=True, **own)
    make: Callable[..., PreTrainedModel] = AutoModelForCausalLM.from_config
    with torch.device("meta"):
        return make(config, **own)


def _check(setting: str, value: object, written: tuple[Any, ...]) -> None:
    if value not in written:
        words = ", ".join(str(one).lower() for one in written if one is not None)
        raise SpecError(
            f"A plain program is written for {setting} {words}; got {str(value).lower()}.",
            hint=f"Leave {setting} out to see the program of such a run.",
        )


def _precision(spec: FinetuneSpec, model: "PreTrainedModel") -> str:
    config = model.config.get_text_config()
    wide = getattr(config, "intermediate_size", None) or 4 * config.hidden_size
    chosen = precision.choose(spec.precision, hidden=config.hidden_size, intermediate=wide)
    return chosen.name
