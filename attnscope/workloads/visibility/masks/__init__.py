"""Families of masks, one file each."""
