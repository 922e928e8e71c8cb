import pytest

from attnscope.cli.ranks import main_rank
from attnscope.einsum_cascade import load


@pytest.mark.parametrize(
    ("name", "rank"),
    [("attention-1pass", "M"), ("cascade-1", "K"), ("channel-attention", "N"), ("attention-local", "N")],
)
def test_main_rank(name: str, rank: str) -> None:
    assert main_rank(load(name)) == rank
