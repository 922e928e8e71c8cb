"""KV policies: how many tokens of keys and values a decode step reads and a request keeps, and what choosing costs.

Every policy is the same straight line with one bend, so that cost models can take it as five numbers:
``tokens(context) = slope context + capped min(context, cap)``, averaged over layers and heads.
"""

from dataclasses import asdict, dataclass
from typing import Any

from attnscope.errors import UnknownNameError, UsageError
from attnscope.units import parse_length

POLICIES = ("full", "window+sinks", "duo", "topk-reuse", "page-select")


@dataclass(frozen=True, slots=True)
class KvPolicy:
    """What is read and kept of a context, in tokens of keys and values of an average layer.

    Attributes:
        name: the policy; `detail` its parameters in words; `source` where they come from.
        read_slope, read_capped: tokens read by attention. `kept_slope`, `kept_capped`: tokens kept in memory.
        selection_slope: tokens' worth of bytes read to choose what to read.
        cap: where the capped parts bend [tokens].
    """

    name: str
    detail: str
    source: str
    read_slope: float
    read_capped: float
    kept_slope: float
    kept_capped: float
    selection_slope: float
    cap: float

    def attended_tokens(self, context: float) -> float:
        """Tokens whose keys and values attention reads in a step."""
        return line(context, self.read_slope, self.read_capped, self.cap)

    def selection_tokens(self, context: float) -> float:
        """Bytes read to choose them, as tokens of keys and values."""
        return self.selection_slope * context

    def read_tokens(self, context: float) -> float:
        """Tokens read in a step, selection included."""
        return line(context, self.read_slope + self.selection_slope, self.read_capped, self.cap)

    def kept_tokens(self, context: float) -> float:
        """Tokens that stay in memory, with what selection keeps beside them."""
        return line(context, self.kept_slope, self.kept_capped, self.cap)

    def to_dict(self) -> dict[str, Any]:
        """Return the parameters as plain values."""
        return asdict(self)


def line(context: float, slope: float, capped: float, cap: float) -> float:
    """``slope context + capped min(context, cap)``: the one form of all policies."""
    return slope * context + capped * min(context, cap)


def full() -> KvPolicy:
    """Everything is kept and read."""
    return KvPolicy("full", "every token", "attention as trained", 1.0, 0.0, 1.0, 0.0, 0.0, 1.0)


EVERYTHING = full()


def window_sinks(window: int = 1020, sinks: int = 4) -> KvPolicy:
    """The last `window` tokens and the first `sinks` (StreamingLLM, arXiv 2309.17453)."""
    _at_least("window", window)
    _at_least("sinks", sinks, least=0)
    detail = f"the last {window} tokens and the first {sinks}"
    return KvPolicy("window+sinks", detail, "StreamingLLM (arXiv 2309.17453)", 0, 1, 0, 1, 0, float(window + sinks))


def duo(share: float = 0.5, window: int = 256, sinks: int = 64) -> KvPolicy:
    """A `share` of the KV heads reads everything, the others a window and sinks (DuoAttention, arXiv 2410.10819)."""
    _share("share", share)
    _at_least("window", window)
    _at_least("sinks", sinks, least=0)
    detail = f"{share:.0%} of the KV heads read every token, the others the last {window} and the first {sinks}"
    rest, cap = 1.0 - share, float(window + sinks)
    return KvPolicy("duo", detail, "DuoAttention (arXiv 2410.10819)", share, rest, share, rest, 0.0, cap)


def topk_reuse(budget: int = 256, every: int = 16) -> KvPolicy:
    """One layer in `every` attends to all tokens; the layers after it read its best `budget` tokens.

    TidalDecode (arXiv 2410.05076): positions chosen in few layers serve the next ones. All tokens stay in memory.
    """
    _at_least("budget", budget)
    _at_least("every", every)
    share = 1.0 / every
    detail = f"one layer in {every} reads every token, the others its best {budget}"
    return KvPolicy(
        "topk-reuse", detail, "TidalDecode (arXiv 2410.05076)", share, 1.0 - share, 1.0, 0.0, 0.0, float(budget)
    )


def page_select(budget: int = 1024, page: int = 16) -> KvPolicy:
    """Pages of `page` tokens are ranked by bounds on their keys; the best `budget` tokens are read.

    Quest (arXiv 2406.10774): each page keeps the smallest and the largest key per channel, as much as one token's key
    and value; a step reads all of those.
    """
    _at_least("budget", budget)
    _at_least("page", page)
    if budget < page:
        raise UsageError(
            f"page-select: budget = {budget} is less than one page of {page}. Nearest legal budget: {page}."
        )
    bounds = 1.0 / page
    detail = f"the best {budget} tokens in pages of {page}"
    return KvPolicy(
        "page-select", detail, "Quest (arXiv 2406.10774)", 0.0, 1.0, 1.0 + bounds, 0.0, bounds, float(budget)
    )


_MAKERS = {
    "full": full,
    "window+sinks": window_sinks,
    "duo": duo,
    "topk-reuse": topk_reuse,
    "page-select": page_select,
}


def parse_kv_policy(text: "str | KvPolicy") -> KvPolicy:
    """Return a policy written as ``name`` or ``name:parameter=value,...``.

    Raises:
        UnknownNameError: no such policy or parameter; suggests the nearest.
        UsageError: a value out of range.

    >>> parse_kv_policy("window+sinks:window=4K,sinks=4").kept_tokens(100_000)
    4100.0
    """
    if isinstance(text, KvPolicy):
        return text
    name, _, given = text.partition(":")
    maker = _MAKERS.get(name.strip().casefold())
    if maker is None:
        raise UnknownNameError("KV policy", name.strip(), POLICIES)
    known = maker.__code__.co_varnames[: maker.__code__.co_argcount]
    values: dict[str, float] = {}
    for part in filter(None, given.split(",")):
        key, equals, value = (piece.strip() for piece in part.partition("="))
        if not equals:
            raise UsageError(f"KV policy {name}: {part!r} is no parameter. Write name=value, such as {known[0]}=1024.")
        if key not in known:
            raise UnknownNameError("parameter", key, known, f"KV policy {name}")
        values[key] = _number(f"KV policy {name}: {key}", key, value)
    return maker(**values)


def _number(where: str, key: str, value: str) -> float:
    if key != "share":
        return parse_length(value, where) if value != "0" else 0
    try:
        return float(value)
    except ValueError:
        raise UsageError(f"{where}: {value!r} is not a number between 0 and 1.") from None


def _at_least(name: str, value: int, least: int = 1) -> None:
    if value < least:
        raise UsageError(f"KV policy: {name} = {value} must be at least {least}. Nearest: {least}.")


def _share(name: str, value: float) -> None:
    if not 0.0 <= value <= 1.0:
        raise UsageError(f"KV policy: {name} = {value:g} must lie between 0 and 1. Nearest: {min(1, max(0, value)):g}.")
