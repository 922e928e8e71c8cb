"""Fitting the constants of calibration.toml: one published workload, one constant per published time.

Each constant moves exactly one row of the calibration case monotonically, so a bisection finds it:
token permutation -> permute_bytes_per_clock; strided kernel (no mask) -> overlap_exponent; neighbourhood kernel (every
tile masked) -> mask_factor; vendor's dense kernel -> library_factor. Architectures without rows take the mean of the
fitted ones, and the library factor from the highest published rate of a dense kernel.
"""

from collections.abc import Callable
from statistics import mean

from attnscope.mappings.gpu.backends import Kernel, find_kernel, legal_kernels
from attnscope.mappings.gpu.constants import Calibration, CalibrationCase, Constants, LibraryRate, PublishedRow
from attnscope.mappings.gpu.device import load_gpu
from attnscope.mappings.gpu.fused import fused, library_kernel
from attnscope.mappings.gpu.latency import KernelTime, iteration_s, predict
from attnscope.mappings.gpu.problem import MaskedAttention
from attnscope.simulator.gpu_device import GpuDevice
from attnscope.specs import with_fields
from attnscope.workloads.visibility import Gna

_DIGITS = 5


def calibrate(setup: Calibration) -> dict[str, Constants]:
    """Fit the constants of every architecture of `setup` anew.

    Returns:
        Constants by architecture, rounded to five significant digits; ``setup.constants`` is not looked at.
    """
    fitted: dict[str, Constants] = {}
    cycles = {instruction: prior.value for instruction, prior in setup.cta_cycles.items()}
    for name in dict.fromkeys(row.device for row in setup.case.rows):
        device = load_gpu(name)
        fitted[device.architecture] = fit(setup.case, device, cycles)
    for architecture, rate in setup.library_rate.items():
        fitted[architecture] = transfer(list(fitted.values()), rate, cycles)
    return dict(sorted(fitted.items(), key=lambda item: int(item[0].removeprefix("sm_"))))


def fit(case: CalibrationCase, device: GpuDevice, cta_cycles: dict[str, float]) -> Constants:
    """Constants that reproduce the published rows of one device."""
    start = {"overlap_exponent": 2.0, "mask_factor": 1.0, "library_factor": 1.0, "permute_bytes_per_clock": 1.0}
    origin = f"fitted on the published times of {case.source.partition(':')[0]} on {device.name}"
    fitted = Constants(**start, cta_cycles=cta_cycles, origin=origin)
    moved = mean(r.permute_s for r in case.rows if r.device == device.name and r.permute_s)
    fitted = _solve(fitted, "permute_bytes_per_clock", moved, lambda c: timed(case, device, "gna", c).copies_s)
    for field, kind in (("overlap_exponent", "gna"), ("mask_factor", "na"), ("library_factor", "dense")):
        target = _row(case, device, kind).kernel_s
        fitted = _solve(fitted, field, target, lambda c, k=kind: timed(case, device, k, c).part("attention"))  # type: ignore[misc]
    return fitted


def timed(case: CalibrationCase, device: GpuDevice, kind: str, constants: Constants) -> KernelTime:
    """Predicted time of one kind of row of the case; the published runs last long enough to be power-limited."""
    stride = case.gna_stride if kind == "gna" else (1,) * len(case.layout)
    problem = MaskedAttention(Gna(case.layout, case.window, stride), case.heads, case.head_dim, 1, case.dtype)
    if kind == "dense":
        return predict(fused(problem.dense(), library_kernel(device)), device, "sustained", constants)
    return predict(fused(problem, _kernel(case, device)), device, "sustained", constants)


def transfer(donors: list[Constants], rate: LibraryRate, cta_cycles: dict[str, float]) -> Constants:
    """Constants of an architecture without rows: the mean of the fitted ones; library factor from a published rate."""
    names = ("overlap_exponent", "mask_factor", "permute_bytes_per_clock")
    values = {n: _rounded(mean(getattr(c, n) for c in donors)) for n in names}
    origin = f"mean of the fitted architectures; library factor from a published dense rate on {rate.device}"
    base = Constants(**values, library_factor=1.0, cta_cycles=cta_cycles, origin=origin)
    device = load_gpu(rate.device)
    launch = fused(_long_dense(), library_kernel(device)).launches[-1]
    visit_s = iteration_s(launch, device, base, "burst", masked=False, library=True)
    factor = launch.iteration.tensor_flops * device.n_sms / (rate.flops_per_s * visit_s)
    return with_fields(base, {"library_factor": _rounded(factor)}, "calibration")


def _long_dense() -> MaskedAttention:
    return MaskedAttention(Gna((65536,), (65536,)), 1, 128).dense()


def _kernel(case: CalibrationCase, device: GpuDevice) -> Kernel:
    legal = legal_kernels(device, len(case.layout), case.head_dim, case.dtype)
    native = [k for k in legal if k.permutes and k.mask == "launch"]
    return find_kernel(native, case.tiles[device.architecture], device)


def _row(case: CalibrationCase, device: GpuDevice, kind: str) -> PublishedRow:
    return next(r for r in case.rows if r.device == device.name and r.kind == kind)


def _solve(base: Constants, field: str, target_s: float, time: Callable[[Constants], float]) -> Constants:
    """Bisect one constant between 1/64 and 64, on a log scale, until `time` is `target_s`."""
    low, high = -6.0, 6.0
    rising = time(_with(base, field, 2.0**high)) > time(_with(base, field, 2.0**low))
    for _ in range(60):
        middle = (low + high) / 2
        if (time(_with(base, field, 2.0**middle)) < target_s) == rising:
            low = middle
        else:
            high = middle
    return _with(base, field, _rounded(2.0 ** ((low + high) / 2)))


def _with(base: Constants, field: str, value: float) -> Constants:
    return base.model_copy(update={field: value})


def _rounded(value: float) -> float:
    return float(f"{value:.{_DIGITS}g}")
