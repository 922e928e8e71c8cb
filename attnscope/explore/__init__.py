"""Sweeps, mapping search, Pareto fronts, the result store and reports."""
