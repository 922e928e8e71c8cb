"""KV policies: what they read and keep, how they are written, what is refused."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from attnscope.errors import UnknownNameError, UsageError
from attnscope.workloads.kv_policy import POLICIES, KvPolicy, full, parse_kv_policy

FEW = settings(deadline=None, max_examples=50)


@FEW
@given(st.sampled_from(POLICIES), st.integers(1, 200_000))
def test_nothing_reads_more_tokens_than_full_attention_but_for_the_selection(name: str, context: int) -> None:
    policy = parse_kv_policy(name)
    assert 0 < policy.attended_tokens(context) <= context
    assert policy.read_tokens(context) == pytest.approx(
        policy.attended_tokens(context) + policy.selection_tokens(context)
    )
    assert policy.attended_tokens(context) <= policy.kept_tokens(context) * (1 + 1e-12)


@FEW
@given(st.sampled_from(POLICIES), st.integers(1, 100_000))
def test_longer_contexts_never_read_or_keep_less(name: str, context: int) -> None:
    policy = parse_kv_policy(name)
    assert policy.read_tokens(context + 1) >= policy.read_tokens(context)
    assert policy.kept_tokens(context + 1) >= policy.kept_tokens(context)


def test_full_attention_reads_and_keeps_everything() -> None:
    assert (full().read_tokens(5000), full().kept_tokens(5000), full().selection_tokens(5000)) == (5000, 5000, 0)


def test_window_and_sinks_are_all_that_is_kept() -> None:
    policy = parse_kv_policy("window+sinks:window=4K,sinks=4")
    assert policy.kept_tokens(100_000) == 4100
    assert policy.read_tokens(3000) == 3000


def test_duo_keeps_a_share_of_the_heads_whole() -> None:
    policy = parse_kv_policy("duo:share=0.25,window=256,sinks=64")
    assert policy.kept_tokens(10_000) == pytest.approx(0.25 * 10_000 + 0.75 * 320)


def test_topk_reuse_keeps_all_and_reads_all_in_few_layers() -> None:
    policy = parse_kv_policy("topk-reuse:budget=512,every=8")
    assert policy.kept_tokens(10_000) == 10_000
    assert policy.read_tokens(10_000) == pytest.approx(10_000 / 8 + 7 / 8 * 512)


def test_page_select_reads_the_bounds_of_every_page() -> None:
    policy = parse_kv_policy("page-select:budget=1024,page=16")
    assert policy.selection_tokens(16_000) == 1000
    assert policy.read_tokens(16_000) == 2024
    assert policy.kept_tokens(16_000) == 17_000


def test_a_policy_is_passed_on_and_shows_its_parameters() -> None:
    policy = full()
    assert parse_kv_policy(policy) is policy
    assert KvPolicy.to_dict(policy)["name"] == "full"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("ful", "no KV policy named 'ful'. Did you mean 'full'?"),
        ("duo:shar=1", "KV policy duo: no parameter named 'shar'. Did you mean 'share'?"),
        ("duo:share=2", "KV policy: share = 2 must lie between 0 and 1. Nearest: 1."),
        ("duo:share=half", "KV policy duo: share: 'half' is not a number between 0 and 1."),
        ("duo:share", "KV policy duo: 'share' is no parameter. Write name=value, such as share=1024."),
        ("window+sinks:window=0", "KV policy: window = 0 must be at least 1. Nearest: 1."),
        ("page-select:budget=8", "page-select: budget = 8 is less than one page of 16. Nearest legal budget: 16."),
        ("topk-reuse:budget=many", "KV policy topk-reuse: budget: 'many' is not a count."),
    ],
)
def test_wrong_policies_are_refused(text: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_kv_policy(text)
    assert message in str(caught.value)


def test_an_unknown_policy_is_a_name_error() -> None:
    with pytest.raises(UnknownNameError, match="Known: duo, full, page-select, topk-reuse, window"):
        parse_kv_policy("none")
