"""What a run looks like: HTML for a notebook, text, a page, a model card. Reads the record only."""
