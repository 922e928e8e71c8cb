"""Which rank a cascade is about, where nobody says."""

from collections.abc import Mapping

from attnscope.einsum_cascade import Cascade, analyse_every_rank


def main_rank(cascade: Cascade, sizes: Mapping[str, int] | None = None) -> str:
    """Return M, or where a cascade lacks it the rank with most passes; the first of equals."""
    if "M" in cascade.rank_names:
        return "M"
    analyses = [found for found in analyse_every_rank(cascade, sizes=sizes) if not found.rank.endswith("'")]
    return max(analyses, key=lambda found: found.n_passes()).rank if analyses else ""
