"""Transforms: pure functions from cascade to cascade that keep what is computed."""
