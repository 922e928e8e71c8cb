"""Masks by name."""

import pytest

from attnscope.errors import UnknownNameError, UsageError
from attnscope.workloads.visibility import Dense, find_mask, list_masks, register


def test_every_mask_says_what_it_is_and_where_it_comes_from() -> None:
    entries = list_masks()
    assert [e.name for e in entries] == sorted(e.name for e in entries)
    assert len(entries) == 24
    for entry in entries:
        assert entry.summary.endswith(".") or "`" in entry.summary, entry.name
        assert len(entry.source) > 15, entry.name
        assert entry.parameters, entry.name


def test_names_are_found_whatever_the_case_and_hyphen() -> None:
    assert find_mask("Sliding_Window") is find_mask("sliding-window")


def test_parameters_come_with_their_defaults() -> None:
    assert find_mask("streaming").parameters == {"n_queries": ..., "n_keys": ..., "window": ..., "n_sinks": 4}


def test_unknown_names_get_a_suggestion() -> None:
    with pytest.raises(UnknownNameError, match=r"^no mask named 'radiall'\. Did you mean 'radial'\? Known: block-mask"):
        find_mask("radiall")


def test_a_name_has_one_owner() -> None:
    with pytest.raises(UsageError, match="mask 'dense' is registered already, by Dense"):
        register("dense", "somewhere")(Dense)
