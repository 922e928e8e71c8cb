"""Sweeps, mapping search, Pareto fronts, the result store and reports.

Each verb is one call: `sweep.sweep`, `asking.pareto`, `asking.query`, `search.search`, `report.report`.
"""
