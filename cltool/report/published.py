"""Results that others have published, to stand beside ours as labelled points."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Published:
    """Final accuracy, how many times the network has grown, and the megabytes it then takes."""

    name: str
    accuracy: float
    growth: float
    megabytes: float


# 20 tasks of CIFAR-100, one per superclass, each picture's task told: another protocol than class-incremental
TASK_INCREMENTAL = (
    Published("CPG", 0.809, 1.5, 278),
    Published("CondConvContinual", 0.774, 1.6, 98),
    Published("PEANet", 0.771, 1.2, 98),
    Published("PackNet", 0.675, 2.0, 112),
)
SOURCE = "Orgil 2022, table 1.3"
PROTOCOL = f"another protocol, reference only: task-incremental, 20 superclasses of CIFAR-100 ({SOURCE})"
