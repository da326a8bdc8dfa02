"""What a run of each method leaves, without its steps: weights drawn at random in their place."""

from labkit.export import Tuned
from labkit.spec import FinetuneSpec


def tuned(base, folder, method="lora", labels=(), **settings):
    """Save a model of a method whose learned weights do something; return base and adapter.

    With labels the model has a head that tells them apart.
    """
    import torch
    from transformers import AutoTokenizer

    from labkit.training import add_adapter, load_model
    from labkit.training.learned import Learned
    from labkit.training.methods import save_adapter

    spec = FinetuneSpec(model=str(base), method=method, head=bool(labels), **settings)
    model = add_adapter(load_model(base, spec), spec, n_labels=len(labels) or None)
    tokenizer = AutoTokenizer.from_pretrained(base)
    learned = Learned.of(model, spec, folder, tokenizer, labels)
    generator = torch.Generator().manual_seed(5)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.requires_grad:
                parameter += 0.1 * torch.randn(parameter.shape, generator=generator)
    save_adapter(model, folder / "checkpoint-1")
    learned.keep(folder / "checkpoint-1", is_done=True)
    if method == "full" and not labels:
        return Tuned(learned.path, spec=spec)
    return Tuned(base, learned.path, spec)
