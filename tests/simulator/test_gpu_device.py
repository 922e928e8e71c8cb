import pytest

from attnscope.errors import SpecError, UnknownNameError
from attnscope.simulator.device import list_devices, load_device
from attnscope.simulator.gpu_device import GpuDevice
from attnscope.specs import validate

GPUS = ("a100", "b200", "h100", "h20", "h200", "l40s", "rtx4090")


def gpu(name: str) -> GpuDevice:
    device = load_device(name)
    assert isinstance(device, GpuDevice)
    return device


def test_every_shipped_gpu_loads() -> None:
    assert list_devices("gpu") == GPUS
    assert all(gpu(name).sources for name in GPUS)


@pytest.mark.parametrize("name", GPUS)
def test_rates_are_consistent(name: str) -> None:
    device = gpu(name)
    per_clock = device.tensor.flops_per_s["bf16"] / device.n_sms / device.clock.frequency_hz
    assert 400 < per_clock < 9000
    assert device.sm.shared_per_cta_bytes + device.sm.shared_reserved_bytes <= device.sm.shared_capacity_bytes
    assert device.tensor_flops_per_s("fp16", "sustained") <= device.tensor_flops_per_s("fp16")
    assert device.dram_bytes_per_s < device.dram.bandwidth_bytes_per_s


def test_h200_is_an_h100_with_other_memory() -> None:
    h100, h200 = gpu("h100"), gpu("h200")
    assert (h100.n_sms, h100.tensor, h100.sm) == (h200.n_sms, h200.tensor, h200.sm)
    assert h200.dram.bandwidth_bytes_per_s > h100.dram.bandwidth_bytes_per_s
    assert h200.sm_version == 90


def test_unknown_data_type_lists_the_known_ones() -> None:
    with pytest.raises(
        UnknownNameError, match=r"device a100: no tensor-core data type named 'e4m3'.*Known: bf16, fp16"
    ):
        gpu("a100").tensor_flops_per_s("e4m3")


def test_every_figure_needs_a_source() -> None:
    table = gpu("a100").model_dump()
    table["sources"] = {k: v for k, v in table["sources"].items() if not k.startswith("l2")}
    with pytest.raises(SpecError, match=r"device x: no source is given for l2. Add a line to \[sources\]"):
        validate(GpuDevice, table, "device x")
