"""Sizes, visibility and the model zoo: what has to be computed."""
