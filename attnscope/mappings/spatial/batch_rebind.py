"""The functions of a single estimate, run on symbolic numbers: the same code over symbolic `min`, `max`, `int`, `sum`.

Nothing of a formula is repeated for many points: `over_symbols` gives back the very code of a function, in which the
names of a few builtins, and of the texts that only a reader needs, mean something else.
"""

import builtins
import sys
from collections.abc import Callable, Iterable
from functools import reduce
from types import CodeType, FunctionType
from typing import Any, TypeVar

from attnscope.mappings.spatial.batch_operations import INT
from attnscope.mappings.spatial.batch_symbols import Number

F = TypeVar("F", bound=Callable[..., Any])
_ROOM = "attnscope.mappings.spatial."
COMPENSATED_SUM = sys.version_info >= (3, 12)


def over_symbols(function: F, known: dict[Any, Any] | None = None) -> F:
    """Return the code of `function`, and of all it calls in this room, over symbolic builtins."""
    known = {} if known is None else known
    if function in known:
        return known[function]  # type: ignore[no-any-return]
    plain: Any = function
    names = dict(plain.__globals__)
    copy = FunctionType(plain.__code__, names, plain.__name__, plain.__defaults__, plain.__closure__)
    copy.__kwdefaults__ = plain.__kwdefaults__
    known[function] = copy
    for name in _names(plain.__code__):
        if name in names:
            names[name] = _over(names[name], known)
    names.update(_SYMBOLIC)
    return copy  # type: ignore[return-value]


def _over(value: Any, known: dict[Any, Any]) -> Any:
    """A global of a function: functions of the room and tables of such functions are taken over, the rest stays."""
    if isinstance(value, FunctionType) and value.__module__.startswith(_ROOM):
        return _SYMBOLIC.get(value.__name__) or over_symbols(value, known)
    if isinstance(value, dict) and value and all(isinstance(v, FunctionType) for v in value.values()):
        return {key: _over(item, known) for key, item in value.items()}
    return value


def _names(code: CodeType) -> set[str]:
    """Names that the code and the functions written inside it look up."""
    inner = (_names(c) for c in code.co_consts if isinstance(c, CodeType))
    return set(code.co_names).union(*inner)


def _pick(op: str) -> Callable[..., Any]:
    choose = getattr(builtins, op)

    def pick(*values: Any, key: Callable[[Any], Any] | None = None, **options: Any) -> Any:
        items = list(values[0]) if len(values) == 1 else list(values)
        if key and all(isinstance(item, str) for item in items):
            return items[0]  # the name of the limiter, which a batch does not report
        if key or not any(isinstance(item, Number) for item in items):
            return choose(items, key=key, **options) if key else choose(items, **options)
        graph = next(item.graph for item in items if isinstance(item, Number))
        return reduce(lambda a, b: graph.apply(op, a, b), items)

    return pick


def whole(value: Any) -> Any:
    """Return `int(value)`."""
    return value.graph.apply("whole", value) if isinstance(value, Number) else int(value)


def added(values: Iterable[Any], start: Any = 0) -> Any:
    """Return `sum(values)` as this Python rounds it: from 3.12 on it carries what each addition of floats loses."""
    total, lost = start, None
    for value in values:
        if lost is None or _kind(value) == INT or not COMPENSATED_SUM:
            total = total + value
        else:
            grown = total + value
            lost = lost + _residue(total, value, grown)
            total = grown
        if lost is None and _kind(total) != INT:
            lost = 0.0
    return total + lost if COMPENSATED_SUM and lost is not None else total


def _kind(value: Any) -> str:
    return value.node.kind if isinstance(value, Number) else type(value).__name__


def _residue(total: Any, value: Any, grown: Any) -> Any:
    """What was lost when `value` was added to `total` (Neumaier 1974)."""
    larger, smaller = (total - grown) + value, (value - grown) + total
    if not isinstance(grown, Number):
        return larger if abs(total) >= abs(value) else smaller
    return grown.graph.select(abs(total) >= abs(value), larger, smaller)


def _divisor(bound: Any, tiles: Any) -> Any:
    graph = next(n.graph for n in (bound, tiles) if isinstance(n, Number))
    return graph.apply("divisor", bound, tiles)


def _block_tiles(bound: Any, tiles: Any) -> Any:
    """`counts.block_tiles`, one operation of its own."""
    from attnscope.mappings.spatial.counts import block_tiles

    symbolic = isinstance(bound, Number) or isinstance(tiles, Number)
    return _divisor(bound, tiles) if symbolic else block_tiles(bound, tiles)


def _silent(*_: Any, **__: Any) -> str:
    return ""


# What the names mean in the copied code. Texts stay empty: a batch asks the single estimate where a reader wants one.
_SYMBOLIC: dict[str, Any] = {
    "min": _pick("min"),
    "max": _pick("max"),
    "int": whole,
    "sum": added,
    "block_tiles": _block_tiles,
    "explain": _silent,
    "remarks": lambda *_: (),
    "format_bytes": _silent,
}
