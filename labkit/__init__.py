"""Fine-tune, evaluate and export small language models from a notebook."""
