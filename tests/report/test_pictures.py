"""Pictures of a run: that they are pictures, and say what they must."""

from __future__ import annotations

from pathlib import Path

import torch
from PIL import Image

from cltool.heads import Head
from cltool.report.curves import draw_curves, protocol
from cltool.report.weights import draw_weights
from cltool.rundir import Cost, JointFacts, Metrics, TaskFacts


def make_metrics(tasks: int = 3, leaks: bool = True) -> Metrics:
    curve = [1 - 0.1 * i for i in range(tasks)]
    matrix = [[*(curve[i] for _ in range(i + 1)), *[None] * (tasks - i - 1)] for i in range(tasks)]
    return Metrics(
        schema=1,
        stream="s<b>",
        strategy="alpha",
        merge="alpha",
        head="softmax",
        unknown_from="none",
        backbone="b",
        universal={"on": "all", "leaks": leaks, "classes": 6},
        seed=0,
        note="",
        tasks=[TaskFacts(name=f"{i}", outputs=[f"{i}a", f"{i}b"], train=9, test=9) for i in range(tasks)],
        left_out=[],
        matrix=matrix,
        matrix_task_aware=matrix,
        curve=curve,
        accuracy_final=curve[-1],
        accuracy_average_incremental=0.9,
        forgetting_chaudhry=0.1,
        forgetting_avalanche=0.1,
        bwt_gem=-0.1,
        joint=JointFacts(curve=[1.0] * tasks, decay=[0.1] * tasks),
        gap_to_joint=[0.0] * tasks,
        unknown=None,
        cost=Cost(peak_rss_mb=1, bytes_kept=1, parameters_total=1, parameters_per_task=[1] * tasks),
    )


def test_curves_are_drawn_name_their_protocol_and_are_the_same_each_time(tmp_path: Path) -> None:
    draw_curves(make_metrics(), [tmp_path / "a.png", tmp_path / "a.svg"])
    draw_curves(make_metrics(), [tmp_path / "b.svg"])
    text = (tmp_path / "a.svg").read_text()
    for words in ("joint reference", "chance", "classes seen", "leaks", "s&lt;b&gt;"):
        assert words in text
    assert text == (tmp_path / "b.svg").read_text()
    assert Image.open(tmp_path / "a.png").size[0] > 800


def test_a_body_that_saw_nothing_is_called_untrained() -> None:
    drawn = make_metrics().model_copy(update={"universal": {"on": "none", "leaks": False, "classes": 0}})
    assert protocol(drawn) == ", universal not trained"


def test_a_single_task_without_joint_can_be_drawn(tmp_path: Path) -> None:
    metrics = make_metrics(1, leaks=False).model_copy(update={"joint": None})
    draw_curves(metrics, [tmp_path / "a.svg"])
    text = (tmp_path / "a.svg").read_text()
    assert "joint" not in text
    assert "leaks" not in text


def test_weights_become_a_picture_of_rows_with_task_borders(tmp_path: Path) -> None:
    names = ("a", "b", "c", "unknown")
    weight = torch.zeros(4, 30)
    weight[2] = 1.0
    head = Head(names, weight, torch.zeros(4), torch.zeros(4), "s")
    draw_weights(head, [["a", "b"], ["c"]], tmp_path / "w.png")
    image = Image.open(tmp_path / "w.png").convert("RGB")
    reds = sum(count for count, (r, g, b) in image.getcolors(1 << 20) if r > 90 and g < 60 and b < 60)
    assert 0.1 < reds / (image.width * image.height) < 0.4  # a row of four, less the margins


def test_a_head_of_zeros_and_one_of_many_rows_can_be_drawn(tmp_path: Path) -> None:
    many = Head(tuple(map(str, range(200))), torch.zeros(200, 8), torch.zeros(200), torch.zeros(200), "s")
    draw_weights(many, [many.names], tmp_path / "w.png")
    assert Image.open(tmp_path / "w.png").size[1] <= 8 * 150
