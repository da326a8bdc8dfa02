"""Find good 4-bit weights for a model from texts: GPTQ layer by layer, then trained scales."""
