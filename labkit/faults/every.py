"""The ten faults, by name."""

from collections.abc import Mapping

from .exports import AdapterNotMerged, TokenizerMismatch
from .fault import Fault
from .rows import EndTokenMissing, LeakedTestRows, PadTokensInLoss, TruncatedAnswers, WrongTemplate
from .steps import LoraOnNoLayer, RateTimes100, ShiftedLabels

LORA = ("lora", "rslora", "dora", "qlora")

FAULTS: Mapping[str, Fault] = {
    "pad_tokens_in_loss": PadTokensInLoss(takes_head=False),
    "shifted_labels": ShiftedLabels(takes_head=False),
    "rate_times_100": RateTimes100(),
    "wrong_template": WrongTemplate(),
    "leaked_test_rows": LeakedTestRows(),
    "truncated_answers": TruncatedAnswers(takes_head=False),
    "end_token_missing": EndTokenMissing(takes_head=False),
    "lora_on_no_layer": LoraOnNoLayer(methods=LORA),
    "adapter_not_merged": AdapterNotMerged(job="optimize", methods=LORA),
    "tokenizer_mismatch": TokenizerMismatch(job="optimize"),
}
"""What can go wrong on purpose."""
