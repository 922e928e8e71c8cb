"""Attention on spatial arrays: unfused, FLAT, the 1-pass cascade, FuseMax."""
