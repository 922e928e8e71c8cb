"""Options of attention offloading, and the calls that they lead to."""

import functools
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from attnscope.cli.options import FILE, Callback, gathered, in_section, policy_option, trace_options
from attnscope.cli.params import ASSIGNMENT, COUNT, LINK, MODEL, POOL, Axis, Word
from attnscope.cli.traces import find_trace
from attnscope.errors import UsageError

if TYPE_CHECKING:
    from attnscope.mappings.offload.play import PlayedStep
    from attnscope.mappings.offload.replay import Replay
    from attnscope.mappings.offload.result import OffloadEstimate
    from attnscope.mappings.offload.sweep import OffloadSweep

AXES = ("compute", "memory", "batches", "batch", "context")
_REQUESTS = ("trace", "context", "batch", "reference")
_JUDGED = ("slowdown", "baseline")
_REPLAYED = ("arrivals", "admission", "speedup")
_POOLS = (
    "kv_policy", "compute", "memory", "link", "interconnect", "batches", "by", "late_queries", "fidelity",
    "memory_fraction", "prices", "price",
)  # fmt: skip
_NAMED = ("model", "axes")
_REPLAY = "Play the requests in time, on both: arriving as in the trace, or all there at the start (closed)."
_TIMELINE = "Play a decode step with the event engine and draw it to .svg or .png, or write a Chrome trace to .json."
_SWEEP = f"Sweep an axis, such as memory=2,4,8: {', '.join(AXES)}. Repeatable; -o draws the Pareto front."

of_requests = in_section("Requests")
of_pools = in_section("Pools")
to_compare = in_section("Comparison")
of_replay = in_section("Replay of the trace")
to_look = in_section("What to look at")


@dataclass(frozen=True)
class OffloadAsk:
    """What was asked; only options that were given are there.

    Attributes:
        model: name or path. requests: trace or context, and requests in flight. pools: what `deploy` takes.
        judged: of the comparison with the homogeneous pool. replayed: of the replay. axes: of the sweep.
    """

    model: str
    requests: dict[str, Any]
    pools: dict[str, Any]
    judged: dict[str, Any]
    replayed: dict[str, Any]
    axes: dict[str, tuple[int, ...]]

    def estimate(self) -> "OffloadEstimate":
        """Return the steady state beside that of the homogeneous pool."""
        from attnscope.mappings.offload.offload import offload

        return offload(self.model, **self.requests, **self.pools, **self.judged)

    @property
    def remarks(self) -> tuple[str, ...]:
        """What the reader has to know about the trace."""
        if "trace" not in self.requests:
            return ()
        return find_trace(self.requests["trace"], self.requests.get("reference"))[1]

    def play(self) -> "PlayedStep":
        """Return a decode step by the event engine."""
        from attnscope.mappings.offload.play import play_decode_step

        return play_decode_step(self.model, **self.requests, **self.pools)

    def replay(self, found: "OffloadEstimate") -> "tuple[Replay, ...]":
        """Return what the pools of an estimate, and its homogeneous pool, make of the trace.

        Raises:
            UsageError: there is no trace.
        """
        from attnscope.mappings.offload.replay import replay

        if "trace" not in self.requests:
            raise UsageError("--replay needs a trace: give --trace, such as azure-conv, instead of --context.")
        common = {"model": self.model, "most": self.requests.get("batch"), **self.replayed, **self.pools}
        common |= {"reference": self.requests.get("reference")}
        options = [common]
        if found.baseline:
            options.append({**common, "compute": found.baseline.deployment.compute, "memory": None})
        return tuple(replay(self.requests["trace"], **each) for each in options)

    def sweep(self) -> "OffloadSweep":
        """Return all points of the sweep; what is no axis stays as it was given.

        Raises:
            UsageError: an option that a sweep does not take.
        """
        from attnscope.mappings.offload.sweep import offload_sweep
        from attnscope.simulator.cluster import parse_pool

        if self.judged or self.replayed:
            flags = _flags((*self.judged, *self.replayed))
            raise UsageError(
                f"{flags}: not for a sweep, whose points have no homogeneous pool beside them. Leave it out."
            )
        pools, requests = dict(self.pools), dict(self.requests)
        front, back = (parse_pool(pools.pop(name), f"{name} pool") for name in ("compute", "memory"))
        batch, context = requests.pop("batch", None), requests.pop("context", None)
        return offload_sweep(
            self.model,
            compute=front.device,
            memory=back.device,
            compute_devices=self.axes.get("compute", (front.count,)),
            memory_devices=self.axes.get("memory", (back.count,)),
            batches=self.axes.get("batches", (pools.pop("batches"),)),
            batch=self.axes.get("batch", (batch,) if batch else ()),
            context=self.axes.get("context", (context,) if context else ()),
            **requests,
            **pools,
        )


def offload_options(function: Callback) -> Callback:
    """Give a verb the argument MODEL and the options of offloading; it gets them as `ask`, and `timeline`."""

    @functools.wraps(function)
    def call(*args: Any, **rest: Any) -> Any:
        found = {name: rest.pop(name) for name in (*_NAMED, *_REQUESTS, *_JUDGED, *_REPLAYED, *_POOLS)}
        return function(*args, ask=_ask(found), **rest)

    return gathered(
        click.argument("model", type=MODEL),
        trace_options(of_requests),
        of_requests("--context", type=COUNT, metavar="N", help="Tokens per request instead of a trace, such as 8K."),
        of_requests("--batch", type=COUNT, metavar="N", help="Requests in flight; as many as fit by default."),
        policy_option(of_requests),
        of_pools("--compute", type=POOL, default="h100:2", metavar="GPU:N", help="Pool of the linear layers (h100:2)."),
        of_pools("--memory", type=POOL, default="h20:4", metavar="GPU:N", help="Pool of attention (h20:4)."),
        of_pools("--link", type=LINK, metavar="NAME", help="Between the pools (fhbn): a name or a TOML file."),
        of_pools("--interconnect", type=LINK, metavar="NAME", help="Inside a pool (nvlink)."),
        of_pools("--batches", type=COUNT, default=2, metavar="N", help="Batches that take turns (2)."),
        of_pools("--by", type=Word(("head", "request")), help="How attention is split over its pool (head)."),
        of_pools("--late-queries", is_flag=True, help="Send queries with keys and values, not ahead of them."),
        of_pools("--fidelity", type=Word(("kernels", "roofline")), help="What kernels reach (default), or the peaks."),
        of_pools("--memory-fraction", type=float, metavar="X", help="Share of the memory that may be filled (0.9)."),
        to_compare(
            "--baseline", type=COUNT, metavar="N", help="Devices of the homogeneous pool; of equal cost if not."
        ),
        to_compare("--prices", metavar="NAME", help="A price list (lamina): a name or a TOML file."),
        to_compare("--price", type=ASSIGNMENT, multiple=True, metavar="GPU=X", help="A device's own price per hour."),
        to_compare("--slowdown", type=float, metavar="X", help="Share of a step that moving data may add (0.2)."),
        of_replay("--replay", "arrivals", type=Word(("trace", "closed")), help=_REPLAY),
        of_replay("--admission", type=Word(("grow", "reserve")), help="Admit what fits now (grow), or to the end."),
        of_replay("--speedup", type=float, metavar="X", help="How much faster requests arrive than in the trace."),
        to_look("--sweep", "axes", type=Axis(AXES), multiple=True, metavar="AXIS=N,...", help=_SWEEP),
        to_look("--timeline", type=FILE, metavar="FILE", help=_TIMELINE),
    )(call)


def _ask(found: dict[str, Any]) -> OffloadAsk:
    """Sort what was given by what takes it."""
    prices = dict(found.pop("price"))
    for device, price in prices.items():
        if isinstance(price, bool | str):
            raise UsageError(
                f"--price {device}={price}: {str(price)!r} is not a number. Write {device}=2.50, per hour."
            )
    late, model, axes = found.pop("late_queries"), found.pop("model"), dict(found.pop("axes"))
    given = {name: value for name, value in found.items() if value is not None}
    given |= ({"price": prices} if prices else {}) | ({"early": False} if late else {})
    parts = ({name: given.pop(name) for name in names if name in given} for names in (_REQUESTS, _JUDGED, _REPLAYED))
    requests, judged, replayed = parts
    if replayed and "arrivals" not in replayed:
        raise UsageError(f"{_flags(replayed)}: only for a replay; add --replay trace or --replay closed.")
    if ("context" in requests or "context" in axes) == ("trace" in requests):
        raise UsageError("give either --trace, such as azure-conv, or --context, such as 8K.")
    return OffloadAsk(model, requests, given, judged, replayed, axes)


def _flags(given: Iterable[str]) -> str:
    names = ("replay" if name == "arrivals" else name for name in given)
    return ", ".join(f"--{name}" for name in names)
