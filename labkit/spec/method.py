"""How a fine-tuning changes the model: the method and the settings that it alone takes."""

from dataclasses import dataclass

from ..settings import Spec, setting
from .dependent import default_hint, dependent, settle
from .methods import METHODS, takers


@dataclass(frozen=True, kw_only=True)
class MethodSettings(Spec):
    """The method and its settings; one that the method does not take is None."""

    method: str = setting("lora", choices=tuple(METHODS))
    """Fine-tuning method; the settings from here to `learning_rate` depend on it."""

    r: int = dependent(at_least=1, at_most=1024, unit="rank")
    """LoRA rank; a `(d_out, d_in)` weight gains `r * (d_in + d_out)` parameters. Of a bottleneck
    adapter its width: a layer of width d gains `2 * r * d + r + d`."""

    lora_alpha: int = dependent(at_least=1, at_most=4096, unit="LoRA scale")
    """Scale of the update `lora_alpha / r * B @ A`: `B` `(d_out, r)`, `A` `(r, d_in)`; of rsLoRA
    `lora_alpha / sqrt(r)`."""

    lora_dropout: float = dependent(at_least=0, at_most=0.9, unit="probability")
    """Dropout on the adapter's input; above 0 the shared prefix is not shared."""

    target_modules: str | tuple[str, ...] = dependent()
    """Layers that get an adapter: `all-linear`, a list of names, or a regular expression; `auto`
    takes those of the method's paper."""

    modules_to_save: tuple[str, ...] = dependent()
    """Layers trained and saved whole beside the adapter, as `lm_head` or a norm."""

    last_layers: int = dependent(at_least=1, unit="layers")
    """Put adapters on the last layers only; what the layers below them compute is kept after the
    first pass, so that later passes are several times faster."""

    init_lora_weights: str = dependent(
        choices=("default", "gaussian", "orthogonal", "pissa", "olora", "eva")
    )
    """How LoRA starts: `pissa` (Meng et al., 2024, arXiv:2404.02948) and `olora` from the weights,
    `eva` (Paischer et al., 2024, arXiv:2410.07170) from the training rows."""

    loraplus_lr_ratio: float = dependent(at_least=1, at_most=1000)
    """LoRA+ (Hayou et al., 2024, arXiv:2402.12354): how many times faster `B` learns than `A`."""

    bnb_4bit_quant_type: str = dependent(choices=("nf4", "fp4"))
    """QLoRA: how the frozen weights are kept in 4 bits."""

    bnb_4bit_use_double_quant: bool = dependent()
    """QLoRA: quantise the scales of the 4-bit blocks as well."""

    adapter_placement: str = dependent(choices=("houlsby", "pfeiffer"))
    """Bottleneck adapters after attention and feed-forward, or after the feed-forward alone."""

    feedforward_modules: tuple[str, ...] = dependent()
    """(IA)³: those of `target_modules` whose input is scaled; left out: the feed-forward's last."""

    num_virtual_tokens: int = dependent(at_least=1, at_most=1000, unit="tokens")
    """Prompt and prefix tuning: trained tokens before each row."""

    prompt_tuning_init_text: str = dependent()
    """Prompt tuning: a text whose tokens the trained ones start from; left out: at random."""

    prefix_projection: bool = dependent()
    """Prefix tuning: learn the prefix through a small network, as the paper does."""

    learning_rate: float = dependent(above=0, at_most=1, unit="step size")
    """Peak step size, reached after warm-up; the default is the method's."""

    def __post_init__(self) -> None:
        super().__post_init__()
        names = MethodSettings.__dataclass_fields__
        settle(self, names, "method", METHODS[self.method].defaults, takers)

    def default_hint(self, name: str) -> str:
        """Return the sentence that says what a setting is when it is left out."""
        known, usual = METHODS.get(self.method), super().default_hint(name)
        if known is None:
            return usual
        names = MethodSettings.__dataclass_fields__
        return default_hint(names, "method", self.method, known.defaults, name) or usual
