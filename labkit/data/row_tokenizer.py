"""A model's tokenizer as `data.tokenize` asks for it, without Transformers."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .text_tokenizer import TextTokenizer


class RowTokenizer(TextTokenizer):
    """Called as a tokenizer of Transformers is; the tokens of a row are the same.

    Args:
        folder: The model's folder.

    Raises:
        ExportError: A file is missing or cannot be read.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.bos_token_id, self.eos_token_id = self.bos_id, self.eos_id
        self.added_tokens_decoder = self._tokenizer.get_added_tokens_decoder()
        found = (self._id(name) for name in self.special_tokens)
        self.all_special_ids = [index for index in found if index is not None]

    def __call__(
        self,
        text: str | Sequence[str],
        *,
        add_special_tokens: bool = True,
        **_: Any,  # noqa: ANN401 - what else Transformers would return
    ) -> dict[str, Any]:
        """Return the ids of one text, `(n,)`, or of several."""
        if isinstance(text, str):
            return {"input_ids": self.encode(text, add_special_tokens=add_special_tokens)}
        read = self._tokenizer.encode_batch(list(text), add_special_tokens=add_special_tokens)
        return {"input_ids": [list(found.ids) for found in read]}

    def shown(self, ids: Sequence[int]) -> str:
        """Return the text of token ids, special tokens as they are written."""
        return str(self._tokenizer.decode(list(ids), skip_special_tokens=False))
