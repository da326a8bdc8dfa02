"""What a run should do: plain valid values that print, compare and come from YAML, flags or code.

The fields below are the only place for a setting's name, default, rule and meaning: flags, YAML
keys, completion and help are made from them.
"""

from dataclasses import dataclass

from .errors import SpecError
from .settings import Spec, setting


@dataclass(frozen=True, kw_only=True)
class FinetuneSpec(Spec):
    """Settings of one fine-tuning run.

    Names are those of PEFT and Transformers, so their documentation applies.
    A spec that exists is valid. Making one loads nothing.
    """

    model: str = "smollm2-135m"
    """Base model: a name from `labkit models`, a local folder, or a Hugging Face id."""

    data: str = "phrases"
    """Data set: a name from `labkit data`, a file (JSONL, JSON, CSV, Parquet), a folder, a Hugging
    Face id; in a cell also `{{name}}` for a list of dicts, a DataFrame or a Dataset."""

    split: str = "train"
    """Rows to train on: `train`, `train[:4096]`, `train[10%:50%]`, `train+validation`."""

    eval_split: str | None = None
    """Rows to validate on, in the same form; left out: the data's own, or a share of the rows."""

    test_split: str | None = None
    """Rows for the final comparison; left out: the data's own test rows, else validation."""

    eval_share: float = setting(0.15, at_least=0.01, at_most=0.5, unit="share of the rows")
    """Share of the rows kept for validation when the data brings none."""

    group_by: str | None = None
    """Column whose equal values never stand on both sides of a split (a document, a person)."""

    task: str = setting("auto", choices=("auto", "classification", "generation"))
    """What is learned; `auto` sees classification where few short completions repeat."""

    text_template: str | None = None
    """One text with `{column}` places; what follows the last fixed text is the completion."""

    prompt_template: str | None = None
    """Prompt with `{column}` places; goes with `completion_template`."""

    completion_template: str | None = None
    """Completion with `{column}` places; goes with `prompt_template`."""

    limit: int | None = setting(None, at_least=2, unit="rows")
    """Use at most this many training rows."""

    max_length: int = setting(512, at_least=8, at_most=131072, unit="tokens")
    """Longest row, in tokens; a longer one loses the start of its prompt, never its completion."""

    method: str = setting("lora", choices=("lora",))
    """Fine-tuning method: LoRA (Hu et al., 2021, arXiv:2106.09685)."""

    r: int = setting(16, at_least=1, at_most=1024, unit="LoRA rank")
    """LoRA rank; a `(d_out, d_in)` weight gains `r * (d_in + d_out)` parameters."""

    lora_alpha: int = setting(32, at_least=1, at_most=4096, unit="LoRA scale")
    """Scale of the update `lora_alpha / r * B @ A`: `B` `(d_out, r)`, `A` `(r, d_in)`."""

    lora_dropout: float = setting(0.0, at_least=0, at_most=0.9, unit="probability")
    """Dropout on the adapter's input; above 0 the shared prefix is not shared."""

    target_modules: str | tuple[str, ...] = "all-linear"
    """Layers that get an adapter: `all-linear`, a list of names, or a regular expression."""

    learning_rate: float = setting(5e-4, above=0, at_most=1, unit="AdamW step size")
    """Peak AdamW step size, reached after warm-up."""

    lr_scheduler_type: str = setting(
        "cosine", choices=("cosine", "linear", "constant", "constant_with_warmup")
    )
    """How the learning rate falls after warm-up."""

    warmup_ratio: float = setting(0.1, at_least=0, at_most=0.9, unit="share of the steps")
    """Share of the steps in which the learning rate rises from 0 to its peak."""

    weight_decay: float = setting(0.0, at_least=0, at_most=1)
    """AdamW weight decay."""

    max_grad_norm: float = setting(1.0, above=0, unit="gradient norm")
    """Gradients longer than this are shortened to it."""

    batch_size: int = setting(8, at_least=1, at_most=65536, unit="rows per optimizer step")
    """Rows per optimizer step, accumulation included."""

    gradient_accumulation_steps: int = setting(1, at_least=1, unit="micro-batches per step")
    """Micro-batches an optimizer step is computed in; more of them need less memory."""

    num_train_epochs: float = setting(3.0, above=0, at_most=1000, unit="passes over the rows")
    """Passes over the training rows; fractions are allowed."""

    max_steps: int | None = setting(None, at_least=1, unit="optimizer steps")
    """Optimizer steps to take; overrides `num_train_epochs`."""

    gradient_checkpointing: bool = False
    """Recompute activations in the backward pass: less memory, about 40 % more time."""

    precision: str = setting("auto", choices=("auto", "fp32", "bf16"))
    """Arithmetic of the matrix products; `auto` measures which is faster on this machine."""

    packing: str = setting("auto", choices=("auto", "packed", "padded"))
    """Batch layout; `auto` packs rows without padding where that is exact, and says so."""

    eval_steps: int | None = setting(None, at_least=1, unit="optimizer steps")
    """Optimizer steps between validations; left out: about eight in a run."""

    save_steps: int | None = setting(None, at_least=1, unit="optimizer steps")
    """Optimizer steps between checkpoints; left out: at each validation."""

    early_stopping_patience: int = setting(0, at_least=0, unit="validations")
    """Stop after this many validations without a better loss; 0 never stops early."""

    load_best_model_at_end: bool = True
    """Keep the adapter of the best validation, not that of the last step."""

    n_samples: int = setting(3, at_least=0, at_most=20, unit="validation rows")
    """Rows answered by the model at each validation, to watch it learn."""

    seed: int = setting(0, at_least=0, at_most=2**32 - 1)
    """Seed of the adapter's weights, of dropout, of the split and of the order of rows."""

    trust_remote_code: bool = False
    """Run code that comes with a model; only for sources you trust."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self._check_batch()
        self._check_templates()

    def _check_batch(self) -> None:
        parts = self.gradient_accumulation_steps
        if self.batch_size % parts:
            raise SpecError(
                f"batch_size must be a multiple of gradient_accumulation_steps ({parts}); "
                f"got {self.batch_size!r}.",
                hint=f"Nearest: batch_size {max(1, round(self.batch_size / parts)) * parts}.",
            )

    def _check_templates(self) -> None:
        if (self.prompt_template is None) != (self.completion_template is None):
            raise SpecError(
                "prompt_template and completion_template go together; got only one of them.",
                hint="Give both, or text_template alone.",
            )
        if self.text_template is not None and self.prompt_template is not None:
            raise SpecError(
                "text_template and prompt_template exclude each other; got both.",
                hint="Keep the one that fits your data.",
            )


@dataclass(frozen=True, kw_only=True)
class OptimizeSpec(Spec):
    """Settings of one export to ONNX."""

    run: str
    """Run to optimise: a name from `labkit runs` or the path of its folder."""

    precision: str = setting("int8", choices=("fp32", "int8", "int4"))
    """Weights of the exported model; below about 0.5 B parameters int4 costs quality."""

    target: str = setting("cpu", choices=("cpu",))
    """Execution provider the model is made for."""

    limit: int | None = setting(None, at_least=2, unit="held-out rows")
    """Check on at most this many held-out rows."""

    seed: int = setting(0, at_least=0, at_most=2**32 - 1)
    """Seed of the texts that latency is measured on."""


@dataclass(frozen=True, kw_only=True)
class GenerateSpec(Spec):
    """Settings of answering prompts with a base model, a tuned one or its ONNX export."""

    run: str
    """Run whose model answers; or a model's name, folder or Hugging Face id for the base alone."""

    prompts: tuple[str, ...]
    """Texts to answer; filled into the run's template where that has one place for input."""

    source: str = setting("adapter", choices=("base", "adapter", "fp32", "int8", "int4"))
    """Who answers: the base model, the adapter on it, or an ONNX export of that precision."""

    raw: bool = False
    """Use the prompts as they stand, without the run's template."""

    max_new_tokens: int = setting(64, at_least=1, at_most=8192, unit="tokens")
    """Longest answer."""

    temperature: float = setting(0.0, at_least=0, at_most=5)
    """0 takes the likeliest token each time; above, tokens are drawn at random."""

    seed: int = setting(0, at_least=0, at_most=2**32 - 1)
    """Seed of the drawing."""
