"""Architectures that the model builder does not take, traced by Transformers' own exporter."""
