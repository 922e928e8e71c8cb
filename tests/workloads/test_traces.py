"""Traces: public columns, stand-ins from published statistics, refusals."""

from pathlib import Path

import numpy as np
import pytest

from attnscope.errors import SpecError, UnknownNameError, UsageError
from attnscope.workloads.traces import generated_trace, load_trace, make_trace, published_traces, read_trace


def write(folder: Path, text: str, name: str = "mine.csv") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_both_public_sets_of_columns_are_read(tmp_path: Path) -> None:
    azure = read_trace(write(tmp_path, "arrived_at,num_prefill_tokens,num_decode_tokens\n2.5,10,4\n1.0,20,6\n"))
    assert azure.arrived_s.tolist() == [0.0, 1.5]
    assert azure.prompt.tolist() == [20, 10]
    assert (azure.mean_prompt, azure.mean_generated, azure.mean_context) == (15.0, 5.0, 17.5)
    kimi = read_trace(write(tmp_path, "timestamp_ms,input_length,output_length\n0,7,1\n3000,9,3\n"))
    assert kimi.arrived_s.tolist() == [0.0, 3.0]
    assert kimi.name == "mine"
    assert not kimi.stand_in


def test_long_answers_weigh_more_among_the_requests_in_flight() -> None:
    trace = make_trace("t", "test", [(0.0, 100, 2), (0.0, 1000, 198)])
    assert trace.resident_context == pytest.approx((101 * 2 + 1099 * 198) / 200)


def test_contexts_are_spread_over_the_trace() -> None:
    trace = make_trace("t", "test", [(float(i), 10 * (i + 1), 4) for i in range(4)])
    assert trace.contexts(2) == (12, 32)
    assert len(trace.contexts(9)) == 9


@pytest.mark.parametrize("name", ["azure-conv", "azure-code", "kimi-conv", "kimi-ta"])
def test_a_stand_in_has_the_published_statistics_and_says_so(name: str) -> None:
    published, trace = published_traces()[name], load_trace(name)
    assert trace.stand_in
    assert "drawn from published statistics (seed 0), because no file" in trace.source
    assert trace.n_requests == published.n_requests
    assert trace.mean_prompt == pytest.approx(published.prompt_mean, abs=1.0)
    assert trace.mean_generated == pytest.approx(published.generated_mean, abs=1.0)
    if published.prompt_median:
        assert np.median(trace.prompt) == pytest.approx(published.prompt_median, abs=1.0)
    assert 0.9 * published.duration_s < trace.arrived_s[-1] <= published.duration_s


def test_stand_ins_are_the_same_every_time() -> None:
    one, two = generated_trace("azure-code"), generated_trace("azure-code")
    np.testing.assert_array_equal(one.prompt, two.prompt)
    np.testing.assert_array_equal(one.arrived_s, two.arrived_s)


def test_a_public_trace_is_found_in_the_reference_folder(tmp_path: Path) -> None:
    (tmp_path / "traces").mkdir()
    write(tmp_path / "traces", "arrived_at,num_prefill_tokens,num_decode_tokens\n0,10,4\n", "azure_conv.csv")
    trace = load_trace("Azure_Conv", tmp_path)
    assert (trace.name, trace.n_requests, trace.stand_in) == ("azure-conv", 1, False)
    assert load_trace(trace) is trace
    assert load_trace(str(tmp_path / "traces" / "azure_conv.csv")).n_requests == 1


@pytest.mark.parametrize(
    ("name", "prompt", "answer"),
    [("azure-conv", 1154.697, 211.126), ("azure-code", 2047.848, 27.883), ("kimi-conv", 12035.061, 342.619)],
)
def test_means_of_the_public_files(shared: Path, name: str, prompt: float, answer: float) -> None:
    trace = load_trace(name, shared / "reference")
    assert not trace.stand_in
    assert trace.mean_prompt == pytest.approx(prompt, abs=1e-3)
    assert trace.mean_generated == pytest.approx(answer, abs=1e-3)


def test_an_empty_trace_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path, "arrived_at,num_prefill_tokens,num_decode_tokens\n")
    with pytest.raises(UsageError, match=r"trace mine: holds no request. Give a file with at least one row."):
        read_trace(path)


def test_unknown_columns_are_refused(tmp_path: Path) -> None:
    with pytest.raises(
        SpecError, match=r"the columns are a, b. Expected: arrived_at,num_prefill_tokens,num_decode_tokens"
    ):
        read_trace(write(tmp_path, "a,b\n1,2\n"))


def test_a_bad_line_is_named(tmp_path: Path) -> None:
    path = write(tmp_path, "arrived_at,num_prefill_tokens,num_decode_tokens\n0,1,1\n0,x,1\n")
    with pytest.raises(SpecError, match=r"line 3: not three numbers: arrived_at='0', num_prefill_tokens='x'"):
        read_trace(path)


def test_requests_without_tokens_are_refused() -> None:
    with pytest.raises(UsageError, match=r"trace t: request 1 has 0 generated tokens; every request needs at least 1"):
        make_trace("t", "test", [(0.0, 1, 1), (1.0, 1, 0)])


def test_arrays_of_unequal_length_are_refused() -> None:
    trace = make_trace("t", "test", [(0.0, 1, 1), (1.0, 1, 1)])
    with pytest.raises(UsageError, match=r"prompts, answers and arrivals differ in number"):
        type(trace)("t", "test", trace.arrived_s[:1], trace.prompt, trace.generated)


def test_missing_files_and_names_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match=r"none.csv: no such file. Give a CSV with the columns"):
        load_trace(str(tmp_path / "none.csv"))
    with pytest.raises(UnknownNameError, match=r"no trace named 'azure'. Did you mean 'azure-co"):
        load_trace("azure")
    with pytest.raises(UnknownNameError, match=r"no trace named 'azure'"):
        generated_trace("azure")


def test_a_binary_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "mine.csv"
    path.write_bytes(b"\xff\xfe\x00\x01")
    with pytest.raises(SpecError, match=r"not a text file"):
        read_trace(path)


def test_statistics_as_plain_values() -> None:
    plain = generated_trace("azure-code").to_dict()
    assert plain["n_requests"] == 8819
    assert plain["stand_in"] is True
