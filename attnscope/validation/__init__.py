"""Predicted against published and against measured."""
