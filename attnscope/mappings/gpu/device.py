"""Loading a device as a GPU."""

from attnscope.errors import IllegalMappingError
from attnscope.simulator.device import list_devices, load_device
from attnscope.simulator.gpu_device import GpuDevice


def load_gpu(device: str | GpuDevice) -> GpuDevice:
    """The GPU called `device`, or the one in a user's TOML file; a `GpuDevice` is passed on.

    Raises:
        UnknownNameError: no such device; suggests the nearest.
        IllegalMappingError: the device is not a GPU; lists those that are.
    """
    if isinstance(device, GpuDevice):
        return device
    found = load_device(device)
    if not isinstance(found, GpuDevice):
        known = ", ".join(list_devices("gpu"))
        raise IllegalMappingError(
            f"device {device} is of the family {found.family!r}; this mapping needs a GPU: {known}."
        )
    return found
