"""A cascade at a glance."""

import json

from attnscope.einsum_cascade import describe, load, parse


def test_the_description_reads_well() -> None:
    text = str(describe(load("cascade-2")))
    assert text.splitlines() == [
        f"cascade-2: {load('cascade-2').doc}",
        "  published  FuseMax (MICRO'24), Cascade 2",
        "  ranks      K",
        "  inputs     A[K], B[K]",
        "  outputs    Z[]",
        "  equals  dot-and-scale(A, B)",
        "  Y[] = A[k] * B[k]  sum k  over K; mul, sum",
        "  X[] = A[k]  sum k         over K; sum",
        "  Z[] = Y[] * X[]           over -; mul",
    ]


def test_the_description_converts() -> None:
    data = json.loads(json.dumps(describe(load("attention-1pass")).to_dict()))
    assert data["ranks"] == ["E", "F", "P", "M = M1 * M0"]
    assert data["tensors"]["K"] == ["E", "M"]
    assert data["einsums"][0]["operators"] == ["mul", "sum"]
    assert data["einsums"][2]["reads"] == ["RM", "LM"]


def test_a_bare_cascade_is_described_too() -> None:
    assert str(describe(parse("ranks M\nX[m] = A[m]"))).startswith("cascade\n  ranks      M\n")
