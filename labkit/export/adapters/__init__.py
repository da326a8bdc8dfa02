"""Several adapters beside one exported base model."""
