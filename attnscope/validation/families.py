"""The families of references by name: what `attnscope validate NAME` runs."""

from collections.abc import Callable
from importlib import import_module
from pathlib import Path

from attnscope.errors import UnknownNameError
from attnscope.validation.report import Report

_HOMES = {
    "fusemax": ("attnscope.validation.fusemax", "validate_fusemax"),
    "gna": ("attnscope.validation.gna", "validate_gna"),
    "gpu": ("attnscope.validation.gpu", "validate_gpu"),
    "offload": ("attnscope.validation.offload", "validate_offload"),
}
FAMILIES = tuple(_HOMES)
NEED_REFERENCE = ("gpu",)
_TAKE_REFERENCE = ("gna", "offload", *NEED_REFERENCE)


def validate(family: str, reference: Path | None = None) -> Report:
    """Return the report of one family of references.

    Args:
        family: `fusemax` (spatial arrays), `gna` (neighbourhood attention on GPUs), `gpu` (library kernels on GPUs) or
            `offload` (decode on GPUs and on pools).
        reference: folder with further reference data, for the families that can use one; `gpu` needs one.

    Raises:
        UnknownNameError: no such family.
        UsageError: a family that needs a folder, without one or without data in it.
    """
    if family not in _HOMES:
        raise UnknownNameError("family of references", family, FAMILIES)
    module, name = _HOMES[family]
    run: Callable[..., Report] = getattr(import_module(module), name)
    return run(reference) if family in _TAKE_REFERENCE else run()
