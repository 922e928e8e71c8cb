"""Compiled product of per-axis tables; only loaded when a sweep runs."""

from typing import Any

import numba

from attnscope.workloads.visibility.intervals import Int64


@numba.njit(cache=True)  # type: ignore[untyped-decorator]
def combine(where: Int64, table_z: Int64, table_y: Int64, table_x: Int64, all_pairs: float, out: Any) -> None:
    """Fill `out` [n_strides, n_pairs] (SWEEP_DTYPE) by products of table entries.

    `table_*` are [n_distinct_strides, n_pairs, 7] and `where` [n_strides, 3] the row of each stride in each of them;
    `all_pairs` is the number of (query, key) pairs of dense attention.
    """
    for i in range(where.shape[0]):
        a, b, c = table_z[where[i, 0]], table_y[where[i, 1]], table_x[where[i, 2]]
        for p in range(out.shape[1]):
            answer = out[i, p]
            answer.n_q_tiles = a[p, 0] * b[p, 0] * c[p, 0]
            answer.n_kv_tiles = a[p, 1] * b[p, 1] * c[p, 1]
            answer.visits_total = a[p, 2] * b[p, 2] * c[p, 2]
            answer.visits_min = a[p, 3] * b[p, 3] * c[p, 3]
            answer.visits_max = a[p, 4] * b[p, 4] * c[p, 4]
            answer.full = a[p, 5] * b[p, 5] * c[p, 5]
            answer.total_pairs = a[p, 6] * b[p, 6] * c[p, 6]
            answer.flopwise_speedup = all_pairs / answer.total_pairs
            answer.mean_speedup = answer.n_kv_tiles * answer.n_q_tiles / answer.visits_total
            answer.worst_speedup = answer.n_kv_tiles / answer.visits_max
            answer.block_sparse = answer.full == answer.visits_total
