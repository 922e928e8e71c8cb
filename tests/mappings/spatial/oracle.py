"""The closed forms of FuseMax and its baselines, restated from the papers as plain arithmetic.

Sources: FuseMax (MICRO 2024, arXiv 2406.10491), sections V and VI, and its artefact; FLAT (ASPLOS 2023). Nothing here
looks at a cascade, a mapping file or the code under test: cycles per tile are typed in, Einsum by Einsum.
"""

from dataclasses import dataclass

from attnscope.simulator.spatial_device import SpatialDevice
from attnscope.workloads.shape import AttentionShape


def up(a: int, b: int) -> int:
    return -(-a // b)


@dataclass(frozen=True)
class Point:
    """A shape on an array of `rows` x `columns` PEs and as many lanes as columns; letters as in the paper."""

    T: int
    P: int
    M: int
    E: int
    F: int
    w: int
    rows: int
    columns: int
    lanes: int
    buffer: int
    bytes_per_cycle: float

    @property
    def n(self) -> int:
        """Score tiles."""
        return self.T * self.M1 * self.Pt

    @property
    def M1(self) -> int:
        return up(self.M, self.rows)

    @property
    def Pt(self) -> int:
        return up(self.P, self.columns)

    @property
    def Pl(self) -> int:
        """Query tiles of the vector array."""
        return up(self.P, self.lanes)

    @property
    def el(self) -> int:
        """Scores."""
        return self.T * self.P * self.M


def point(shape: AttentionShape, device: SpatialDevice) -> Point:
    group = shape.heads // shape.kv_heads
    return Point(
        T=shape.batch * shape.kv_heads,
        P=shape.queries * group,
        M=shape.keys,
        E=shape.score_width,
        F=shape.value_width,
        w=shape.bytes_per_element,
        rows=device.array_2d.rows,
        columns=device.array_2d.columns,
        lanes=device.array_1d.columns,
        buffer=device.buffer.capacity_bytes,
        bytes_per_cycle=device.dram.bandwidth_bytes_per_s / device.clock.frequency_hz,
    )


def einsum_cycles(x: Point, mapping: str, *, weight: bool = False) -> dict[str, int]:
    """Cycles of every Einsum over the whole layer; an SLN takes 6 MACCs and a subtraction (paper, section V)."""
    tile, lane, row = x.n, x.T * x.M1 * x.Pl, x.T * x.Pl
    if mapping in ("fusemax", "fusemax-serial", "cascade"):
        on_flat = mapping == "cascade"
        scores = x.T * x.M * x.Pl  # a lane walks the keys one by one
        return {
            "QK": tile * x.E,
            "LM": scores if on_flat else tile,
            "SLN": 2 * scores if on_flat else 7 * tile,
            "SLD": scores if on_flat else tile,
            "SLNV": tile * x.F,
            "RM": lane,
            "PRM": (2 if on_flat else 7) * lane,
            "SPD": lane,
            "RD": lane,
            "SPNV": x.F * lane,
            "RNV": x.F * lane,
            "AV": x.F * row,
        }
    softmax = x.T * x.P * up(x.M, x.lanes)
    cycles = {"GM": softmax, "SN": softmax, "SD": softmax, "A": softmax}
    if mapping == "unfused":
        return {**cycles, "QK": tile * x.E, "AV": tile * x.F}
    if weight:
        step = x.T * x.P * x.M1
        return {**cycles, "QK": step * up(x.E, x.columns), "AV": step * up(x.F, x.columns)}
    return {**cycles, "QK": tile * x.E, "AV": x.T * x.M * up(x.P, x.rows) * up(x.F, x.columns)}


def latency_cycles(x: Point, mapping: str, dram_bytes: float, *, weight: bool = False) -> float:
    """Latency of a fused mapping: memory, or the steps of the waterfall one after another (paper, figures 4 and 5)."""
    c = einsum_cycles(x, mapping, weight=weight)
    memory = dram_bytes / x.bytes_per_cycle
    middle = c.get("RM", 0) + max(c.get("SLD", 0) + c.get("SLN", 0), c.get("PRM", 0) + c.get("SPD", 0))
    if mapping == "fusemax":
        compute = max(c["QK"] + c["LM"], c["RD"] + c["RNV"] + c["AV"]) + middle + max(c["SLNV"], c["SPNV"])
    elif mapping == "fusemax-serial":
        drain = x.rows * x.n
        compute = max(c["QK"] + c["LM"], c["RD"] + c["AV"]) + drain + middle + max(c["SLNV"], c["SPNV"] + c["RNV"])
    elif mapping == "cascade":
        matrix = c["QK"] + c["SLNV"]
        compute = max(matrix, sum(c.values()) - matrix)
    else:
        matrix = c["QK"] + c["AV"]
        compute = max(matrix, sum(c.values()) - matrix)
    return max(memory, compute)


def fused_blocks(x: Point, *, keeps_scores: bool = False, share: float = 1.0) -> tuple[int, int]:
    """P1 and P2: the largest divisor of the query tiles whose Q, RM, RD and RNV fit beside one K and one V tile."""
    scores = 2 * x.rows if keeps_scores else 0
    bound = int((x.buffer * share - x.w * x.rows * (x.E + x.F)) // (x.columns * x.w * (x.E + x.F + 2 + scores)))
    largest = max((d for d in range(1, min(bound, x.Pt) + 1) if x.Pt % d == 0), default=0)
    return largest, x.Pt // largest if largest else 0


def fused_dram_bytes(x: Point, blocks: int) -> int:
    """Q in and AV out once; K and V once for each block of queries, once in all where they are a single tile."""
    again = blocks if x.M1 > 1 else 1
    return x.w * x.T * (x.P * (x.E + x.F) + again * x.M * (x.E + x.F))


def compulsory_bytes(x: Point) -> int:
    return fused_dram_bytes(x, 1)


def flat_dram_bytes(x: Point) -> tuple[float, str, int]:
    """Traffic, granularity and rows of FLAT's rule: head, then the highest row block that fits, then spilling."""
    slab_row = x.w * x.M
    if slab_row * x.P <= x.buffer:
        return _flat_on_chip(x, x.P, "head"), "head", x.P
    cap = min(1024, x.P)
    fitting = [rows for rows in range(x.columns, cap + 1, x.columns) if rows * slab_row <= x.buffer]
    if fitting:
        return _flat_on_chip(x, fitting[-1], "row"), "row", fitting[-1]
    rows = min(x.columns, x.P)
    spilling = _flat_on_chip(x, rows, "row")
    again = up(x.P, cap)
    words = x.T * (x.P * (x.E + x.F) + again * x.M * (x.E + x.F)) + 4 * x.el
    return (spilling, "row", rows) if spilling <= x.w * words else (float(x.w * words), "off chip", cap)


def _flat_on_chip(x: Point, rows: int, granularity: str) -> float:
    extra = 2 * x.w * (x.columns + x.rows) * (x.E + x.F)
    s = max(0.0, 1.0 - x.buffer / (x.w * rows * x.M + extra))
    streamed = x.T * (x.P * x.E * x.M1 + x.M * (x.E + x.F) * x.Pt)
    outputs = x.T * x.P * x.F  # one access each, whether it waits in the buffer or not
    assert granularity in ("head", "row")
    return x.w * (streamed + outputs + s * 7 * x.el)


@dataclass(frozen=True)
class Words:
    """Words and operations of a fused 1-pass mapping (published counts of the artefact, all instances)."""

    macs: int
    adds: int
    maxima: int
    divides: int
    buffer_reads: int
    buffer_writes: int
    registers_2d_reads: float
    registers_2d_writes: float


def fusemax_words(x: Point, blocks: int) -> Words:
    """Counts of FuseMax, with or without interleaving, at sizes that divide the array."""
    rows = x.n * x.columns
    operands = x.n * (x.columns * x.E + x.rows * (x.E + x.F))  # Q down the columns, K and V along the rows
    return Words(
        macs=x.el * (x.E + x.F + 6) + rows * (x.F + 7),
        adds=2 * x.el + rows * (x.F + 2),
        maxima=x.el + rows,
        divides=x.T * x.P * x.F,
        buffer_reads=operands + rows * x.F + 2 * rows + x.T * x.P * (x.F + 1),
        buffer_writes=x.T * x.P * x.E + blocks * x.T * x.M * (x.E + x.F) + rows * x.F + 2 * rows,
        registers_2d_reads=x.el * (3 * x.E + 3 * x.F + 3) - x.el * x.F / x.M1,
        registers_2d_writes=x.el * (3 * x.E + 3 * x.F + 4) - x.el * x.F / x.M1,
    )


def cascade_words(x: Point, blocks: int) -> Words:
    """Counts of the 1-pass cascade on FLAT hardware; exponentials are on a unit of their own."""
    base, rows = fusemax_words(x, blocks), x.n * x.columns
    return Words(
        macs=x.el * (x.E + x.F) + rows * (x.F + 1),
        adds=base.adds,
        maxima=base.maxima,
        divides=base.divides,
        buffer_reads=base.buffer_reads + 2 * x.el,
        buffer_writes=base.buffer_writes + 2 * x.el,
        registers_2d_reads=x.el * (3 * x.E + 3 * x.F - 1) - x.el * x.F / x.M1,
        registers_2d_writes=x.el * (3 * x.E + 3 * x.F + 1) - x.el * x.F / x.M1,
    )


@dataclass(frozen=True)
class Registers:
    """Register words over a whole array, reads and writes (published counts of the artefact, all instances)."""

    reads: float
    writes: float


def flat_registers_2d(x: Point, blocks: int, *, weight: bool) -> Registers:
    """QK and AV of FLAT at sizes that divide a square array; weight stationary keeps keys and values in the PEs."""
    if not weight:
        outputs = x.T * x.P * x.F
        return Registers(x.el * (3 * x.E - 1) + 3 * x.el * x.F - outputs, 3 * x.el * (x.E + x.F))
    scores, sums = 2 * x.el * x.E, 3 * x.el * x.F - x.rows * x.F * x.T * x.P
    fills = blocks * x.T * x.M * (x.E + x.F)
    return Registers(scores + sums, scores + sums + fills)


def unfused_registers_2d(x: Point) -> Registers:
    steps = x.el * (3 * x.E + 3 * x.F) - x.el * x.F / x.M1
    return Registers(steps - x.el, steps + x.el)


def softmax_registers_1d(x: Point) -> Registers:
    """The lanes of FLAT: every score is written in, and the row maximum and sum once to each lane."""
    broadcast = 2 * x.lanes * x.T * x.P
    return Registers(8 * x.el - broadcast, 7 * x.el + broadcast)
