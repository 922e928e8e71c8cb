import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from attnscope.mappings.gpu import pipes

times = st.floats(1e-7, 1e-3)
fast = settings(max_examples=60, deadline=None)


@fast
@given(st.floats(1.0, 8.0), times, times, times, times)
def test_overlap_lies_between_the_longest_and_the_sum(p: float, a: float, b: float, c: float, d: float) -> None:
    t = float(pipes.overlapped(p, a, b, c, d))
    assert max(a, b, c, d) * (1 - 1e-9) <= t <= (a + b + c + d) * (1 + 1e-9)


@fast
@given(st.integers(1, 5000), st.integers(1, 148), st.integers(1, 4), times)
def test_equal_ctas_run_in_whole_waves_or_better(n: int, sms: int, residents: int, cta_s: float) -> None:
    t = float(pipes.makespan(n, sms, residents, n * cta_s, cta_s))
    assert t >= n * cta_s / sms * (1 - 1e-9)
    assert t >= cta_s * (1 - 1e-9)
    assert t <= np.ceil(n / sms / residents) * residents * cta_s * (1 + 1e-9)


@fast
@given(st.integers(1, 4000), st.integers(1, 148), st.integers(1, 4), times)
def test_more_ctas_never_take_less(n: int, sms: int, residents: int, cta_s: float) -> None:
    one, more = (float(pipes.makespan(m, sms, residents, m * cta_s, cta_s)) for m in (n, n + 1))
    assert more >= one * (1 - 1e-9)


def test_a_single_wave_takes_as_long_as_its_longest_cta() -> None:
    assert float(pipes.makespan(100, 132, 1, 100 * 1e-6, 2e-6)) == 2e-6


def test_two_waves_for_one_cta_more_than_slots() -> None:
    assert np.isclose(pipes.makespan(133, 132, 1, 133e-6, 1e-6), 2e-6)


@fast
@given(times, times, times)
def test_memory_bounds_a_kernel_from_below(sm_s: float, l2_s: float, dram_s: float) -> None:
    t = float(pipes.kernel_time(sm_s, l2_s, dram_s, 0.0))
    assert max(sm_s, l2_s, dram_s) * (1 - 1e-9) <= t <= (sm_s + l2_s + dram_s) * (1 + 1e-9)


def test_kv_is_read_once_while_it_fits_the_cache() -> None:
    fits = pipes.kv_dram_bytes(1e6, 24, 900, 132, 0.1, 50e6)
    assert float(fits) == 24e6
    spills = pipes.kv_dram_bytes(59e6, 24, 900, 132, 1.0, 50e6)
    assert float(spills) > 24 * 59e6


def test_numbers_and_arrays_agree() -> None:
    n = np.array([1.0, 132.0, 133.0, 1000.0])
    many = pipes.makespan(n, 132, 2, n * 1e-6, 1e-6)
    assert [float(pipes.makespan(float(x), 132, 2, float(x) * 1e-6, 1e-6)) for x in n] == list(np.asarray(many))


def test_equations_compile() -> None:
    import numba

    compiled = numba.njit(pipes.overlapped)
    assert np.isclose(compiled(2.0, 3.0, 4.0, 0.0, 0.0), 5.0)
    n = np.array([133.0])
    assert np.isclose(numba.njit(pipes.makespan)(n, 132.0, 1.0, n * 1e-6, 1e-6)[0], 2e-6)
