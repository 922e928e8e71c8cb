"""A small space that every file of these tests uses."""

from typing import Any

import pytest


@pytest.fixture
def small() -> dict[str, Any]:
    """One model, two mappings, one device, five axes of a few values each, a derived field and a constraint."""
    return {
        "title": "small",
        "question": "how big must the buffer be?",
        "axes": {
            "workload": ["bert"],
            "mapping": ["fusemax", "flat"],
            "device": ["fusemax"],
            "workload.seq_len": ["1K", "64K"],
            "device.pe_dim": [64, 128, 256],
            "device.buffer.capacity_bytes": {"from": "64K", "to": "64M", "factor": 8},
            "device.clock.frequency_hz": [1e9, 2e9],
            "device.dram.bandwidth_bytes_per_s": {"from": 1e11, "to": 1e12, "steps": 7},
        },
        "derived": {"device.buffer.area_um2": "84201374.5 * device.buffer.capacity_bytes / 16777216"},
        "constraints": ["area_mm2 < 1000"],
    }
