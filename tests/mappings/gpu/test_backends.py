import pytest

from attnscope.errors import IllegalMappingError, UnknownNameError, UsageError
from attnscope.mappings.gpu.backends import backends, find_backend, find_kernel, legal_kernels, native_instruction
from attnscope.mappings.gpu.device import load_gpu
from attnscope.mappings.gpu.tiles import TilePair


@pytest.mark.parametrize(
    ("device", "rank", "count"), [("a100", 1, 3), ("a100", 2, 27), ("a100", 3, 76), ("l40s", 2, 17)]
)
def test_cutlass_tables_have_the_published_sizes(device: str, rank: int, count: int) -> None:
    assert len(legal_kernels(load_gpu(device), rank, 64, backend="cutlass-fna")) == count
    assert len(legal_kernels(load_gpu("rtx4090"), 3, 64, backend="cutlass-fna")) == 46


def test_hopper_pairs_depend_on_the_head_dim() -> None:
    h100 = load_gpu("h100")
    pairs = {d: [str(k.pair) for k in legal_kernels(h100, 2, d, backend="hopper-fna")] for d in (64, 128, 256)}
    assert pairs == {
        64: ["8x8/16x8", "8x8/8x16"],
        128: ["16x8/16x8"],
        256: ["16x8/8x8", "8x16/8x8"],
    }


def test_tile_sizes_are_powers_of_two_of_one_gemm_shape() -> None:
    for backend in backends().values():
        for table in backend.kernels:
            for rank in (1, 2, 3):
                sizes = {(p.q_size, p.kv_size) for p in table.pairs(rank)}
                assert len(sizes) <= 1 or backend.name == "flex-fna"


def test_a_backend_of_another_architecture_is_refused() -> None:
    with pytest.raises(
        IllegalMappingError, match=r"blackwell-fna has no kernels for sm_90 \(h100\); it needs sm_100\."
    ):
        legal_kernels(load_gpu("h100"), 3, 128, backend="blackwell-fna")
    with pytest.raises(IllegalMappingError, match=r"Backends on a100: cutlass-fna, flex-fna\."):
        legal_kernels(load_gpu("a100"), 3, 128, backend="hopper-fna")


def test_a_head_dim_without_kernels_names_the_nearest() -> None:
    with pytest.raises(
        IllegalMappingError, match=r"no kernel on h100 has head dim 96 \(hopper-fna\)\. Nearest .*: 128\."
    ):
        legal_kernels(load_gpu("h100"), 2, 96, backend="hopper-fna")
    with pytest.raises(IllegalMappingError, match=r"head dim 20 .*Nearest legal head dim: 24\."):
        legal_kernels(load_gpu("a100"), 2, 20)


def test_a_data_type_without_kernels_lists_the_legal_ones() -> None:
    with pytest.raises(
        IllegalMappingError, match=r"no kernel on a100 takes e4m3. Legal data types: bf16, fp16, fp32\."
    ):
        legal_kernels(load_gpu("a100"), 2, 64, "e4m3")


def test_an_unknown_backend_suggests_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match=r"no backend named 'hoper-fna'. Did you mean 'hopper-fna'\?"):
        find_backend("hoper-fna")


def test_a_pair_without_a_kernel_names_its_owner_and_the_nearest_pairs() -> None:
    h100 = load_gpu("h100")
    legal = legal_kernels(h100, 3, 128, backend="hopper-fna")
    message = (
        r"no kernel on h100 \(sm_90\) has the tile pair 4x8x8/2x8x8\. It belongs to blackwell-fna\. "
        r"Nearest legal pairs: 2x8x8/2x8x8 \(hopper-fna\), 4x4x8/4x4x8 \(hopper-fna\)\."
    )
    with pytest.raises(IllegalMappingError, match=message):
        find_kernel(legal, "4x8x8/2x8x8", h100)
    with pytest.raises(IllegalMappingError, match=r"has 2 axes but the layout has 3"):
        find_kernel(legal, "8x8/8x8", h100)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("16x8", "write the Q tile, a slash"),
        ("16x8/8", "the Q tile has 2 axes, the KV tile 1"),
        ("0/4", "must be >= 1"),
    ],
)
def test_malformed_pairs_are_refused(text: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        TilePair.parse(text)


def test_pairs_print_as_they_are_written() -> None:
    assert str(TilePair.parse("4x8x8/2x8x8")) == "4x8x8/2x8x8"
    assert TilePair.parse("4x8/2x8").distance(TilePair.parse("2x8/2x8")) == 1.0


def test_every_gpu_has_a_native_instruction() -> None:
    natives = {name: native_instruction(load_gpu(name)) for name in ("a100", "l40s", "h20", "b200")}
    assert natives == {"a100": "mma_sync", "l40s": "mma_sync", "h20": "wgmma", "b200": "tcgen05"}


def test_a_spatial_array_is_no_gpu() -> None:
    with pytest.raises(IllegalMappingError, match="is of the family 'spatial'; this mapping needs a GPU: a100"):
        load_gpu("fusemax")
