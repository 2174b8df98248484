"""How a person holds and moves head and shoulders: broad fields, and the path they take through a film."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cltool_plugins.puppet.fields import Field, eased, nodes
from cltool_plugins.puppet.noise import smooth_noise
from cltool_plugins.puppet.points import LEFT_SHOULDER, RIGHT_SHOULDER, Points, unit

# Lengths are in distances between the outer corners of the eyes.
HEAD = (1.4, 1.6)  # half width and half height of a head with its hair, about the root of the nose
FADE = 0.8  # of that, over which what is around it stops to follow
DEPTH = 1.2  # from the tip of the nose to the axis that a head turns about
CELL = 4  # pixels between a field's nodes; movements are much broader
SHOULDER = 0.8  # over which the jacket around a shoulder follows it

# What each field does at a weight of 1. The head: to the side and down by a pixel, leaning, coming nearer, turning and
# nodding by a radian or by its size; the trunk: to the side, and its shoulders up, by a pixel.
NAMES = ("side", "down", "lean", "near", "turn", "nod", "sway", "shoulders")
LENGTHS = frozenset({"side", "down", "sway", "shoulders"})


def bearing_fields(face: Points, body: Points, size: int) -> Field:
    """The movements of NAMES as fields [8, n, n, 2] over a picture of side `size`, at every CELL-th pixel.

    `face` [70, 2] and `body` [25, 2] in pixels; shoulders that are not in the picture are taken to be at its corners.
    """
    at = nodes(size, max(1, size // CELL)).astype(np.float64)
    e = unit(face)
    half = np.array(HEAD) * e
    head = 1 - eased((np.hypot(*np.moveaxis((at - face[27]) / half, -1, 0)) - 1) / FADE)
    nose = DEPTH * e * (1 - eased(np.hypot(*np.moveaxis((at - face[29]) / half, -1, 0))))
    trunk = eased((at[..., 1] - face[8, 1]) / (1.2 * e))
    off = at - (face[8] + (0, 0.4 * e))  # from the neck, about which a head leans
    none = np.zeros(at.shape[:2])
    moves = {
        "side": (head, none),
        "down": (none, head),
        "lean": (-head * off[..., 1], head * off[..., 0]),
        "near": (head * off[..., 0], head * off[..., 1]),
        "turn": (nose, none),
        "nod": (none, nose),
        "sway": (trunk, none),
        "shoulders": (none, -_shoulders(at, body, size, SHOULDER * e)),
    }
    return np.stack([np.stack(moves[name], -1) for name in NAMES]).astype(np.float32)


def _shoulders(at: NDArray[np.float64], body: Points, size: int, breadth: float) -> NDArray[np.float64]:
    corners = {RIGHT_SHOULDER: (0.1 * size, size - 1), LEFT_SHOULDER: (0.9 * size, size - 1)}
    places = [corner if np.isnan(body[name]).any() else body[name] for name, corner in corners.items()]
    return sum(np.exp(-((at - place) ** 2).sum(-1) / (2 * breadth**2)) for place in places)


@dataclass(frozen=True)
class Temper:
    """How one film's person moves: how much of each movement, how quickly, and how the head is held at rest.

    `reach`: deviations of NAMES, in lengths of the face or radians; `seconds`: in which a movement is over.
    `held`: where each is at rest.
    """

    reach: Mapping[str, float]
    held: Mapping[str, float]
    seconds: float

    @classmethod
    def drawn(cls, rng: np.random.Generator) -> Temper:
        """A person's way to move, by lot."""
        usual = {"side": 0.07, "down": 0.05, "lean": 0.03, "near": 0.015, "turn": 0.07, "nod": 0.05, "sway": 0.04}
        at_rest = {"side": 0.06, "down": 0.04, "lean": 0.025, "near": 0.02, "turn": 0.05, "nod": 0.03}
        return cls(
            {name: round(size * rng.uniform(0.7, 1.3), 4) for name, size in usual.items()},
            {name: round(size * rng.uniform(-1, 1), 4) for name, size in at_rest.items()},
            round(rng.uniform(0.45, 0.75), 3),
        )

    def path(self, arousal: NDArray[np.float64], rate: float, rng: np.random.Generator) -> NDArray[np.float64]:
        """Weights of the movements in every frame, [T, 8], lengths still in those of the face.

        Arousal [T] makes movements larger and adds quick ones, lifts the shoulders, and hastens and deepens breath.
        """
        frames = len(arousal)
        roused = (1 + arousal) / 2
        path = np.zeros((frames, len(NAMES)))
        for name, reach in self.reach.items():
            slow = smooth_noise(rng, frames, self.seconds * rate)
            quick = smooth_noise(rng, frames, 0.2 * self.seconds * rate)
            moved = reach * ((0.35 + 0.65 * roused) * slow + 0.25 * roused**2 * quick)
            path[:, NAMES.index(name)] = self.held.get(name, 0.0) + moved
        breaths = rng.random() + np.cumsum(0.22 + 0.25 * roused) / rate
        path[:, NAMES.index("shoulders")] = 0.18 * roused + (0.01 + 0.015 * roused) * np.sin(2 * np.pi * breaths)
        return path


def in_pixels(path: NDArray[np.float64], face: Points) -> NDArray[np.float32]:
    """Weights [T, 8] for `bearing_fields` of a face: lengths times its own."""
    lengths = np.array([unit(face) if name in LENGTHS else 1.0 for name in NAMES])
    return (path * lengths).astype(np.float32)
