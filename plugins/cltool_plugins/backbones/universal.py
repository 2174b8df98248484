"""The thesis' universal network: a small convolutional body trained on (part of) the stream, then frozen."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from cltool import Backbone, Block, CallError, PictureTransform, TaskStream, backbone
from cltool.cache import cache_folder
from cltool.files import load_tensors, save_tensors
from cltool.pictures import targets_of
from cltool.plugin import Spec
from cltool.progress import Progress
from cltool.seeding import generator
from cltool.universal.cards import Card
from cltool.universal.frozen import protocol, rebuilt

WIDTH = 120
LAYERS = {"last": (18, WIDTH), "hidden": (16, 1080), "conv": (13, 128 * 9)}  # modules of the body, features
RECIPE = 1  # to be raised whenever training changes, so that kept networks are not mistaken for new ones
HOLDOUT = 0.1
USUAL = {"layer": "last", "epochs": 8, "seed": 0}
GLYPHS = Path(__file__).parent / "glyphs" / "best.safetensors"


def body(channels: int = 1) -> nn.Sequential:
    """Pictures [B, channels, 28, 28] → features [B, 120]; 1.47 million weights, as the thesis' network has.

    >>> network = body()
    >>> network(torch.zeros(2, 1, 28, 28)).shape, sum(p.numel() for p in network.parameters())
    (torch.Size([2, 120]), 1470016)
    """

    def stage(before: int, after: int) -> list[nn.Module]:
        return [nn.Conv2d(before, after, 3, padding=1, bias=False), nn.BatchNorm2d(after), nn.ReLU()]

    return nn.Sequential(
        *stage(channels, 32),
        nn.MaxPool2d(2),
        *stage(32, 64),
        nn.MaxPool2d(2),
        *stage(64, 128),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(128 * 9, 1080),
        nn.BatchNorm1d(1080),
        nn.ReLU(),
        nn.Linear(1080, WIDTH),
        nn.ReLU(),
    )


@backbone(source="Orgil 2022, §4.4")
def universal(
    stream: TaskStream,
    device: str,
    progress: Progress,
    *,
    on: Annotated[
        Literal["first", "all", "none", "glyphs"],
        Field(
            description="first: trained on the first task only; all: on every class, as the thesis did (leaks); "
            "none: as it was drawn, a control; glyphs: a network that comes with cltool, trained on drawings"
        ),
    ] = "first",
    layer: Annotated[
        Literal["last", "hidden", "conv"],
        Field(description="which layer gives the features: the last (120, as in the thesis), 1080 or 1152 before it"),
    ] = "last",
    epochs: Annotated[int, Field(ge=1, description="at most; the best on a held-out part is kept")] = 8,
    seed: Annotated[int, Field(description="of its training; the run's --seed leaves it alone")] = 0,
) -> Backbone:
    """The small convolutional network with 120 features, trained on the stream and kept for reuse.

    `on=all` has seen later tasks' classes before their turn: every output of such a run says that it leaks. What
    was trained on few classes knows others better in its earlier layers; `layer` takes features from there.
    Training: AdamW, one cycle, shifts, small turns and scalings; the epoch is kept whose accuracy on a held-out
    tenth of the training pictures is best. Raises CallError where a picture cannot be read.

    `on=glyphs` is another network (`glyphnet`, 256 features of 32×32 pictures), which comes trained on characters of
    fonts, strokes, shapes and textures; it has seen no picture of any stream but `glyphs`, and `layer`, `epochs` and
    `seed` are not its.
    """
    if on == "glyphs":
        if (layer, epochs, seed) != (USUAL["layer"], USUAL["epochs"], USUAL["seed"]):
            raise CallError("universal:on=glyphs comes trained; leave out layer, epochs and seed")
        return replace(rebuilt(GLYPHS), name="universal:on=glyphs", protocol=_drawings_seen(stream))
    names = {"all": stream.pictures.outputs, "first": stream.groups[0], "none": ()}[on]
    channels = stream.pictures.train[stream.groups[0][0]].picture(0).shape[0]
    transform = PictureTransform(28, channels, (0.5,), (0.5,))
    if on == "none":
        network = _drawn(channels, seed)
    else:
        network = _trained(stream, on, names, transform, epochs, seed, device, progress)
    modules, width = LAYERS[layer]
    options = {"on": on, "layer": layer, "epochs": epochs, "seed": seed}
    name = str(Spec("universal", {k: v for k, v in options.items() if v != USUAL.get(k)}))
    return Backbone.of(name, network[:modules], transform, width, _seen(on, len(names)))


def _seen(on: str, classes: int) -> dict[str, Any]:
    """What of the stream a network was trained on."""
    return {"on": on, "leaks": on == "all", "classes": classes}


def _drawings_seen(stream: TaskStream) -> dict[str, Any]:
    """What of the stream the network trained on drawings has seen: nothing, unless they are called as its classes."""
    card = Card.load(GLYPHS)[0]
    alike = not set(card.classes).isdisjoint(stream.pictures.outputs)  # other pictures need not be hashed
    return (protocol(card, stream) if alike else None) or _seen("glyphs", 0)


def _drawn(channels: int, seed: int) -> nn.Sequential:
    """The body with the weights that training begins with."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return body(channels)


def _trained(
    stream: TaskStream,
    on: str,
    names: tuple[str, ...],
    transform: PictureTransform,
    epochs: int,
    seed: int,
    device: str,
    progress: Progress,
) -> nn.Sequential:
    """The body trained on these classes, or what an earlier training left in the cache."""
    blocks = [stream.pictures.train[name] for name in names]
    if len(names) < 2:
        raise CallError(
            f"--universal {on}: a network cannot be trained on {len(names)} class; take all, or more classes"
        )
    about = {
        "recipe": RECIPE,
        "on": on,
        "epochs": epochs,
        "seed": seed,
        "pictures": [b.digest for b in blocks],
    }
    key = hashlib.sha256(json.dumps(about).encode()).hexdigest()
    path = cache_folder("universal") / f"{key[:32]}.safetensors"
    network = body(transform.channels)
    if not _load(network, path):
        trained = _train(blocks, names, transform, epochs, seed, device, progress)
        save_tensors(path, trained, {**about, "classes": names})
        _load(network, path)  # so that this run computes with what all later ones will
    return network


def _load(network: nn.Module, path: Path) -> bool:
    """Load a network trained before; whether there was one."""
    try:
        network.load_state_dict(load_tensors(path, "network")[0], strict=True)
    except (CallError, RuntimeError):
        return False
    return True


def _train(
    blocks: list[Block],
    names: tuple[str, ...],
    transform: PictureTransform,
    epochs: int,
    seed: int,
    device: str,
    progress: Progress,
) -> dict[str, Tensor]:
    """Weights of a body trained under a head that is thrown away, as they were at its best epoch."""
    pictures = [block.picture(i) for block in blocks for i in range(len(block))]
    x = torch.cat([transform(pictures[i : i + 512]) for i in range(0, len(pictures), 512)])
    label = targets_of(blocks, names, names).argmax(1)
    order = torch.randperm(len(x), generator=generator(seed, "universal hold-out"))
    held, kept = order[: int(HOLDOUT * len(x))], order[int(HOLDOUT * len(x)) :]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)  # weights and dropout
        network = body(x.shape[1])
        model = nn.Sequential(network, nn.Dropout(0.3), nn.Linear(WIDTH, len(names)))
        model.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        _fit(model, x, label, kept, held, epochs, seed, device, progress)
    return {name: value.cpu() for name, value in network.state_dict().items()}


def _fit(
    model: nn.Sequential,
    x: Tensor,
    label: Tensor,
    kept: Tensor,
    held: Tensor,
    epochs: int,
    seed: int,
    device: str,
    progress: Progress,
) -> None:
    rng = generator(seed, "universal training")
    steps = epochs * -(-len(kept) // 128)
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3, weight_decay=0.05)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 2e-3, total_steps=steps)
    best, state = -1.0, model.state_dict()
    with progress.track("training the universal network", steps) as advance:
        for _ in range(epochs):
            model.train()
            for chosen in kept[torch.randperm(len(kept), generator=rng)].split(128):
                seen = _varied(x[chosen], rng).to(device)
                loss = nn.functional.cross_entropy(model(seen), label[chosen].to(device), label_smoothing=0.1)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                schedule.step()
                advance(1)
            accuracy = _accuracy(model, x[held].to(device), label[held].to(device))
            if accuracy >= best:
                best, state = accuracy, {k: v.clone() for k, v in model.state_dict().items()}
    model.load_state_dict(state)


def _varied(x: Tensor, rng: torch.Generator) -> Tensor:
    """Each picture turned by up to 12°, scaled and sheared by up to 12 %, shifted by up to 2 of 28 pixels."""
    n = len(x)

    def draw(limit: float) -> Tensor:
        return (torch.rand(n, generator=rng) * 2 - 1) * limit

    angle, shear = draw(0.21), draw(0.12)
    wide, high = 1 + draw(0.12), 1 + draw(0.12)
    theta = torch.stack(
        [
            torch.stack([angle.cos() * wide, shear - angle.sin(), draw(1 / 7)], 1),
            torch.stack([angle.sin(), angle.cos() * high, draw(1 / 7)], 1),
        ],
        1,
    )
    grid = nn.functional.affine_grid(theta, list(x.shape), align_corners=False)
    return nn.functional.grid_sample(x, grid, padding_mode="border", align_corners=False)


@torch.inference_mode()
def _accuracy(model: nn.Module, x: Tensor, label: Tensor) -> float:
    model.eval()
    right = sum(int((model(a).argmax(1) == b).sum()) for a, b in zip(x.split(512), label.split(512), strict=True))
    return right / max(1, len(x))
