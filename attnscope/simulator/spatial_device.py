"""Spatial arrays: a two-dimensional and a one-dimensional PE array, a shared buffer and DRAM."""

from functools import cached_property

from pydantic import Field, model_validator

from attnscope.specs import Frozen

# A multiply feeding a sum is one multiply-accumulate; every other operator runs on the unit of its kind.
UNIT_OF_OPERATOR = {
    "mac": "mac", "mul": "mac", "add": "add", "sub": "add", "sum": "add", "neg": "add",
    "max": "max", "min": "max", "exp": "exp", "div": "divide",
}  # fmt: skip


class Unit(Frozen):
    """A functional unit of every PE: one operation per `cycles`, pipelined."""

    cycles: int = Field(default=1, gt=0)
    energy_pj: float = Field(ge=0)
    area_um2: float = Field(default=0.0, ge=0)


class Sequence(Frozen):
    """An operation done as several steps of another unit, such as exp by a polynomial of six multiply-accumulates."""

    unit: str
    steps: int = Field(gt=0)


class Registers(Frozen):
    """The register file of each PE."""

    words: int = Field(gt=0)
    read_energy_pj_per_word: float = Field(ge=0)
    write_energy_pj_per_word: float = Field(ge=0)
    area_um2: float = Field(default=0.0, ge=0)


class PeArray(Frozen):
    """Identical PEs in rows and columns; one row for a vector array."""

    rows: int = Field(gt=0)
    columns: int = Field(gt=0)
    registers: Registers
    units: dict[str, Unit]
    sequences: dict[str, Sequence] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _sequences_use_units(self) -> "PeArray":
        for name, sequence in self.sequences.items():
            if sequence.unit not in self.units:
                raise ValueError(
                    f"sequence {name!r} uses the unit {sequence.unit!r}, which the array lacks. "
                    f"Units here: {', '.join(sorted(self.units))}."
                )
        return self

    @cached_property
    def pes(self) -> int:
        """Number of PEs."""
        return self.rows * self.columns

    def steps(self, operator: str) -> tuple[str, int] | None:
        """Return (unit, number of operations on it) that carry out `operator`, or None where the array cannot."""
        unit = UNIT_OF_OPERATOR.get(operator, operator)
        if unit in self.units:
            return unit, 1
        sequence = self.sequences.get(unit)
        return (sequence.unit, sequence.steps) if sequence else None

    @property
    def area_um2_per_pe(self) -> float:
        """Registers and units of one PE [um^2]."""
        return self.registers.area_um2 + sum(unit.area_um2 for unit in self.units.values())


class Buffer(Frozen):
    """The on-chip buffer shared by both arrays."""

    capacity_bytes: int = Field(gt=0)
    row_bits: int = Field(gt=0)
    read_energy_pj_per_row: float = Field(ge=0)
    write_energy_pj_per_row: float = Field(ge=0)
    area_um2: float = Field(default=0.0, ge=0)


class Dram(Frozen):
    """Off-chip memory: one bandwidth for reads and writes together."""

    bandwidth_bytes_per_s: float = Field(gt=0)
    energy_pj_per_bit: float = Field(ge=0)


class Clock(Frozen):
    """The clock of both arrays."""

    frequency_hz: float = Field(gt=0)


class SpatialDevice(Frozen):
    """A spatial array accelerator. `sources` names, for each field or group of fields, where its figures come from."""

    name: str
    family: str
    summary: str
    clock: Clock
    array_2d: PeArray
    array_1d: PeArray
    buffer: Buffer
    dram: Dram
    sources: dict[str, str]

    @cached_property
    def area_parts_um2(self) -> dict[str, float]:
        """Area by component [um^2]; parts that a figure leaves at zero are not drawn up."""
        return {
            "array_2d": self.array_2d.pes * self.array_2d.area_um2_per_pe,
            "array_1d": self.array_1d.pes * self.array_1d.area_um2_per_pe,
            "buffer": self.buffer.area_um2,
        }

    @property
    def area_mm2(self) -> float:
        """Sum of the area parts [mm^2]."""
        return sum(self.area_parts_um2.values()) / 1e6

    @property
    def peak_macs_per_s(self) -> float:
        """Multiply-accumulates of the 2D array per second."""
        return self.array_2d.pes * self.clock.frequency_hz / self.array_2d.units["mac"].cycles
