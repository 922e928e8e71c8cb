from attnscope.mappings.gpu.advisor import advise
from attnscope.mappings.gpu.plot import plot_advice


def test_every_choice_is_drawn() -> None:
    advice = advise((256, 256), (80, 80), 24, 128, "h100")
    ax = plot_advice(advice)
    drawn = sum(len(c.get_offsets()) for c in ax.collections)
    assert drawn == len(advice.choices)
    assert ax.get_ylabel() == "predicted latency [ms]"
    assert "256x256 window 80x80" in ax.get_title()
