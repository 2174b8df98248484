"""Surgery on anybody's checkpoint: only what was meant changes, and a merged model answers as its parts did."""

from __future__ import annotations

import copy
import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torchvision.models import resnet18, squeezenet1_0

from cltool import CallError, Head, discover, union
from cltool import merge as merge_plugin
from cltool import surgery as surgery_plugin
from cltool.checkpoints import differing, open_checkpoint
from cltool.errors import PluginFailed
from cltool.features import FeatureBank
from cltool.learner import Learner
from cltool.model_surgery import apply, configure_surgeries, merge
from cltool.plugin import Configured, Spec
from cltool.tasks import TaskStream


def merge_of(text: str) -> Configured:
    return discover().configure("merge", Spec.parse(text))


def surgeries_of(*texts: str) -> list[Configured]:
    return configure_surgeries(texts, discover())


def configured(function: Any) -> Configured:
    return function.__cltool_plugin__.configure()


def save(path: Path, tensors: dict[str, Tensor], facts: dict[str, str] | None = None) -> Path:
    if path.suffix == ".safetensors":
        save_file(tensors, path, facts)
    else:
        torch.save(tensors, path)
    return path


def loaded(path: Path) -> dict[str, Tensor]:
    return load_file(path) if path.suffix == ".safetensors" else torch.load(path, weights_only=True)


def lines(path: Path, *names: str) -> Path:
    path.write_text("".join(f"{name}\n" for name in names), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def classifiers() -> list[nn.Module]:
    """Two classifiers, of three and two outputs, on one body."""
    torch.manual_seed(0)
    first = resnet18(num_classes=3).eval()
    second = copy.deepcopy(first)
    second.fc = nn.Linear(512, 2)
    return [first, second]


@pytest.fixture(params=[".safetensors", ".pt"])
def files(request: pytest.FixtureRequest, classifiers: list[nn.Module], tmp_path: Path) -> list[Path]:
    return [
        save(tmp_path / f"{name}{request.param}", network.state_dict())
        for name, network in zip("ab", classifiers, strict=True)
    ]


# apply


@pytest.mark.slow
def test_pruning_changes_exactly_the_weights_in_the_range(files: list[Path], classifiers: list[nn.Module]) -> None:
    out = files[0].with_name(f"out{files[0].suffix}")
    ((name, (effect,)),) = apply(files[0], surgeries_of("prune:margin=0.01"), [], out, picture=out.with_suffix(".png"))
    a, b = loaded(files[0]), loaded(out)
    resnet18(num_classes=3).load_state_dict(b, strict=True)
    assert differing(open_checkpoint(files[0]), open_checkpoint(out)) == ["fc.weight"]
    weight = a["fc.weight"]
    inside = (weight >= weight.min() + 0.01) & (weight <= weight.max() - 0.01)
    assert torch.equal(b["fc.weight"], weight.masked_fill(inside, 0))
    assert (name, effect.surgery, effect.sparsity) == ("fc", "prune:margin=0.01", pytest.approx(inside.double().mean()))
    assert not effect.no_op
    assert out.with_suffix(".png").stat().st_size > 10000


def test_half_precision_and_convolutions_stay_what_they_are(squeezenet: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.safetensors"
    done = apply(squeezenet, surgeries_of("clahe", "prune:quantile=0.1"), ["classifier.1", "features.3.*"], out)
    assert [name for name, _ in done] == ["classifier.1", "features.3.expand1x1", "features.3.squeeze"]
    assert [effect.surgery for effect in done[0][1]] == ["clahe", "prune:quantile=0.1"]
    a, b = open_checkpoint(squeezenet), open_checkpoint(out)
    assert {name: (about.shape, about.dtype) for name, about in a.tensors.items()} == {
        name: (about.shape, about.dtype) for name, about in b.tensors.items()
    }
    assert set(differing(a, b)) == {f"{name}.weight" for name, _ in done}
    squeezenet1_0().half().load_state_dict(loaded(out), strict=True)
    zeros = float((loaded(out)["classifier.1.weight"] == 0).double().mean())
    assert zeros == pytest.approx(done[0][1][1].sparsity)
    assert 0.79 < zeros < 0.83


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float64])
def test_other_dtypes_are_kept_and_what_does_nothing_gives_the_same_file(tmp_path: Path, dtype: torch.dtype) -> None:
    tensors = {"fc.weight": torch.randn(4, 5, dtype=torch.float64).to(dtype), "fc.bias": torch.randn(4).to(dtype)}
    path = save(tmp_path / "in.safetensors", tensors, {"author": "x"})
    ((_, (effect,)),) = apply(path, surgeries_of("prune:margin=1000"), [], tmp_path / "out.safetensors")
    assert effect.no_op
    assert (tmp_path / "out.safetensors").read_bytes() == path.read_bytes()
    apply(path, surgeries_of("equalize"), [], path, force=True)
    assert loaded(path)["fc.weight"].dtype == dtype
    assert not torch.equal(loaded(path)["fc.weight"], tensors["fc.weight"])
    assert torch.equal(loaded(path)["fc.bias"], tensors["fc.bias"])


def test_several_act_in_the_given_order(tmp_path: Path) -> None:
    path = save(tmp_path / "in.safetensors", {"fc.weight": torch.tensor([[-1.0, -0.9], [-0.8, 0.5]])})
    for name, order in (("a", ("equalize", "prune")), ("b", ("prune", "equalize"))):
        apply(path, surgeries_of(*order), [], tmp_path / f"{name}.safetensors")
    assert loaded(tmp_path / "a.safetensors")["fc.weight"].tolist() == [[-1, 0], [0, 0.5]]
    assert loaded(tmp_path / "b.safetensors")["fc.weight"].tolist() != [[-1, 0], [0, 0.5]]


def test_the_seed_and_the_layer_name_decide_what_is_drawn(tmp_path: Path) -> None:
    @surgery_plugin
    def jitter(head: Head, rng: torch.Generator) -> Head:
        """Noise."""
        return replace(head, weight=head.weight + torch.randn(head.weight.shape, generator=rng))

    tensors = {"a.weight": torch.zeros(2, 2), "b.weight": torch.zeros(2, 2)}
    path = save(tmp_path / "in.safetensors", tensors)
    found = {}
    for name, seed, layers in (("all", 1, ["*"]), ("b", 1, ["b"]), ("other", 2, ["b"])):
        apply(path, [configured(jitter)], layers, tmp_path / f"{name}.safetensors", seed=seed)
        found[name] = loaded(tmp_path / f"{name}.safetensors")
    assert torch.equal(found["all"]["b.weight"], found["b"]["b.weight"])  # whatever else is operated on
    assert not torch.equal(found["all"]["b.weight"], found["all"]["a.weight"])
    assert not torch.equal(found["other"]["b.weight"], found["b"]["b.weight"])


def test_a_row_the_file_calls_unknown_is_out_of_reach(tmp_path: Path) -> None:
    facts = {"cltool": json.dumps({"outputs": {"fc": {"names": ["a", "unknown"]}}})}
    path = save(tmp_path / "in.safetensors", {"fc.weight": torch.ones(2, 2)}, facts)
    apply(path, surgeries_of("prune:margin=0"), ["fc"], tmp_path / "out.safetensors")
    assert loaded(tmp_path / "out.safetensors")["fc.weight"].tolist() == [[0, 0], [1, 1]]
    assert open_checkpoint(tmp_path / "out.safetensors").facts == facts


@pytest.mark.slow
def test_a_picture_of_many_says_what_it_leaves_out(tmp_path: Path) -> None:
    path = save(tmp_path / "in.safetensors", {f"layer-{i}.weight": torch.randn(2, 3) for i in range(5)})
    apply(path, surgeries_of("prune"), ["*"], tmp_path / "out.safetensors", picture=tmp_path / "a.svg")
    files = [save(tmp_path / f"{i}.safetensors", {"weight": torch.randn(1, 3)}) for i in range(5)]
    text = lines(tmp_path / "n.txt", *"abcde")
    merge(files, merge_of("concat"), None, tmp_path / "m.safetensors", outputs=[text], picture=tmp_path / "m.svg")
    drawn = [(tmp_path / name).read_text() for name in ("a.svg", "m.svg")]
    assert "in.safetensors: the first 3 of 5 layers before and after" in drawn[0]
    assert "layer-2" in drawn[0]
    assert "layer-3" not in drawn[0]
    assert "the first 3 of 5 files merged by concat" in drawn[1]
    assert "3.safetensors" not in drawn[1]
    assert "5 × 3" in drawn[1]


# merge


@pytest.mark.slow
def test_a_merged_model_scores_as_its_parts_did(files: list[Path], classifiers: list[nn.Module]) -> None:
    folder, suffix = files[0].parent, files[0].suffix
    names = [lines(folder / "a.txt", "cat", "dog", "owl"), lines(folder / "b.txt", "ant", "bee")]
    out = folder / f"merged{suffix}"
    merged = merge(files, merge_of("concat"), "fc", out, outputs=names, picture=folder / "merged.png")
    assert merged.outputs.names == ("cat", "dog", "owl", "ant", "bee")
    assert merged.inputs == (("cat", "dog", "owl"), ("ant", "bee"))
    assert (folder / "merged.png").stat().st_size > 10000
    assert differing(open_checkpoint(files[0]), open_checkpoint(out), ("fc.weight", "fc.bias")) == []
    whole = resnet18(num_classes=5).eval()
    whole.load_state_dict(loaded(out), strict=True)
    parts = [copy.deepcopy(network).double() for network in classifiers]
    pictures = torch.randn(4, 3, 64, 64, dtype=torch.float64)
    with torch.no_grad():
        expected = torch.cat([network(pictures) for network in parts], 1)
        assert torch.allclose(whole.double()(pictures), expected, rtol=0, atol=1e-12)


@pytest.mark.slow
def test_what_was_merged_can_be_merged_again_without_names(classifiers: list[nn.Module], tmp_path: Path) -> None:
    torch.manual_seed(1)
    third = copy.deepcopy(classifiers[0])
    third.fc = nn.Linear(512, 2)
    networks = [*classifiers, third]
    a, b, c = (save(tmp_path / f"{i}.safetensors", n.state_dict(), {"by": "me"}) for i, n in enumerate(networks))
    told = [lines(tmp_path / "a.txt", "cat\t30", "dog\t10", "unknown")]
    told += [lines(tmp_path / "b.txt", "ant\t4", "unknown"), lines(tmp_path / "c.txt", "cat\t10", "unknown\t0")]
    ab = tmp_path / "ab.safetensors"
    merged = merge([a, b], merge_of("alpha"), "fc", ab, outputs=told[:2])
    assert merged.outputs_file is None
    assert open_checkpoint(ab).facts["by"] == "me"
    merge(
        [ab, c], merge_of("alpha"), None, tmp_path / "abc.safetensors", outputs=told[2:]
    )  # for the one that lacks them
    at_once = merge([a, b, c], merge_of("alpha"), "fc", tmp_path / "all.safetensors", outputs=told)
    assert (tmp_path / "abc.safetensors").read_bytes() == (tmp_path / "all.safetensors").read_bytes()
    assert at_once.outputs.names == ("cat", "dog", "ant", "unknown")
    weight, parts = loaded(tmp_path / "all.safetensors")["fc.weight"], [n.state_dict()["fc.weight"] for n in networks]
    assert torch.allclose(weight[0], 0.75 * parts[0][0] + 0.25 * parts[2][0])  # by samples
    unknown = 2 / 3 * parts[0][2] + 1 / 3 * parts[1][1]  # by classes: two known, one new; then three and one
    assert torch.allclose(weight[3], 0.75 * unknown + 0.25 * parts[2][1], atol=1e-7)
    again = merge([ab, ab], merge_of("concat"), "fc", tmp_path / "twice.safetensors")
    assert again.inputs == (merged.outputs.names,) * 2


def test_a_state_dict_gets_its_names_in_a_file_beside_it(tmp_path: Path) -> None:
    a, b = (save(tmp_path / f"{name}.pth", nn.Linear(3, 2).state_dict()) for name in "ab")
    told = lines(tmp_path / "names.txt", "w\t7", "x", "y\t2", "z\t0.5")
    merged = merge([a, b], merge_of("concat"), None, tmp_path / "ab.pth", outputs=[told])
    assert merged.outputs_file == tmp_path / "ab.pth.outputs.txt"
    assert merged.outputs_file.read_text() == told.read_text()
    with pytest.raises(CallError, match=r"give --outputs .*ab\.pth\.outputs\.txt"):
        merge([tmp_path / "ab.pth", a], merge_of("concat"), None, tmp_path / "c.pth")
    more = merge(
        [tmp_path / "ab.pth", a],
        merge_of("concat"),
        None,
        tmp_path / "c.pth",
        outputs=[merged.outputs_file, lines(tmp_path / "more.txt", "p", "q")],
    )
    assert len(more.outputs.names) == 6


@pytest.mark.parametrize(
    ("given", "inputs"),
    [
        (["a b c d e"], ("ab", "cde")),  # file after file
        (["a b", "a c d"], ("ab", "acd")),
        (["u v w"], ("xy", "uvw")),  # where the first file says itself what its rows are
    ],
)
def test_one_text_for_all_or_one_for_each(tmp_path: Path, given: list[str], inputs: tuple[str, ...]) -> None:
    own = {"cltool": json.dumps({"outputs": {"fc": {"names": ["x", "y"]}}})} if inputs[0] == "xy" else None
    a = save(tmp_path / "a.safetensors", {"fc.weight": torch.ones(2, 4)}, own)
    b = save(tmp_path / "b.safetensors", {"fc.weight": torch.ones(3, 4)})
    texts = [lines(tmp_path / f"{i}.txt", *text.split()) for i, text in enumerate(given)]
    merged = merge([a, b], merge_of("concat"), "fc", tmp_path / "o.safetensors", outputs=texts)
    assert merged.inputs == tuple(map(tuple, inputs))


def test_the_same_names_for_each_and_other_names_keep_the_samples(tmp_path: Path) -> None:
    own = {"cltool": json.dumps({"outputs": {"fc": {"names": ["x", "y"], "counts": [3, 5]}}})}
    a, b = (save(tmp_path / f"{i}.safetensors", {"fc.weight": torch.full((2, 4), i)}, own) for i in (0.0, 1.0))
    text = lines(tmp_path / "n.txt", "p", "q")
    merged = merge([a, b], merge_of("alpha"), "fc", tmp_path / "o.safetensors", outputs=[text])
    assert (merged.inputs, merged.outputs.counts) == ((("p", "q"),) * 2, (6, 10))
    assert loaded(tmp_path / "o.safetensors")["fc.weight"].tolist() == [[0.5] * 4] * 2


def test_the_real_networks_rows_are_merged_under_their_real_names(squeezenet: Path, tmp_path: Path) -> None:
    names = squeezenet.with_name("imagenet_classes.txt")
    pruned, out = tmp_path / "pruned.safetensors", tmp_path / "out.safetensors"
    apply(squeezenet, surgeries_of("prune:margin=0.1"), ["classifier.1"], pruned)
    merged = merge([squeezenet, pruned], merge_of("alpha:alpha=0.5"), "classifier.1", out, outputs=[names])
    assert merged.outputs.names == tuple(names.read_text(encoding="utf-8").splitlines())
    old, new, made = (loaded(path)["classifier.1.weight"] for path in (squeezenet, pruned, out))
    assert made.shape == (1000, 512, 1, 1)
    assert torch.equal(made, ((old.float() + new.float()) / 2).half())
    squeezenet1_0().half().load_state_dict(loaded(out), strict=True)


def test_heads_of_ours_merge_as_a_run_merges_them(digit_stream: TaskStream, tmp_path: Path) -> None:
    catalogue = discover()
    parts = (("head", "ridge"), ("unknown", "none"), ("merge", "alpha"))
    learner = Learner(*(catalogue.configure(kind, Spec(name)) for kind, name in parts))
    backbone = catalogue.find("backbone", "random").function(digit_stream, features=16)

    bank, known, heads = FeatureBank(), None, []
    for task in digit_stream.tasks(0):
        predictor = learner.learn(task, lambda blocks: bank.features(blocks, backbone), "b", known)
        known = predictor.knowledge
        heads.append(tmp_path / f"{task.name}.safetensors")
        predictor.task_head.save(heads[-1])
    assert known is not None
    out = tmp_path / "merged.safetensors"
    merge(heads, merge_of("alpha"), None, out)
    known.head.save(tmp_path / "run.safetensors")
    found = Head.load(out)
    assert (found.names, found.space) == (known.head.names, known.head.space)
    assert torch.equal(found.weight, known.head.weight)
    assert torch.equal(found.bias, known.head.bias)
    assert torch.equal(found.counts, known.head.counts)


def test_a_merge_between_dtypes_is_of_the_first_files(tmp_path: Path) -> None:
    a = save(tmp_path / "a.safetensors", {"weight": torch.ones(1, 2).half()})
    b = save(tmp_path / "b.safetensors", {"weight": torch.full((1, 2), 1 / 3, dtype=torch.float64)})
    text = lines(tmp_path / "n.txt", "x", "y")
    merge([b, a], merge_of("concat"), None, tmp_path / "o.safetensors", outputs=[text])
    found = loaded(tmp_path / "o.safetensors")["weight"]
    assert torch.equal(found, torch.tensor([[1 / 3, 1 / 3], [1, 1]], dtype=torch.float64))


def test_different_backbones_are_merged_only_if_told(tmp_path: Path) -> None:
    bodies = [{"body": torch.full((2,), i), "fc.weight": torch.full((1, 2), i)} for i in (1.0, 2.0)]
    a, b = (save(tmp_path / f"{i}.safetensors", body) for i, body in enumerate(bodies))
    told = {"outputs": [lines(tmp_path / "n.txt", "x", "y")]}
    with pytest.raises(CallError, match="differ in one tensor outside fc, first in 'body'; give --different-backbones"):
        merge([a, b], merge_of("concat"), "fc", tmp_path / "o.safetensors", **told)  # type: ignore[arg-type]
    merge([a, b], merge_of("concat"), "fc", tmp_path / "o.safetensors", allow_different_backbones=True, **told)  # type: ignore[arg-type]
    assert loaded(tmp_path / "o.safetensors")["body"].tolist() == [1, 1]


def test_a_merge_that_breaks_heads_is_stopped(tmp_path: Path) -> None:
    @merge_plugin
    def nothing(old: Head, new: Head) -> Head:
        """No head at all."""
        return None  # type: ignore[return-value]

    @merge_plugin
    def infinite(old: Head, new: Head) -> Head:
        """Too much."""
        return replace(new, weight=new.weight / 0)

    a = save(tmp_path / "a.safetensors", {"weight": torch.ones(1, 2)})
    counted = lines(tmp_path / "n.txt", "x\t1", "y\t1")
    for plugin, told in ((nothing, "no head"), (infinite, "'y' with numbers that are not")):
        with pytest.raises(PluginFailed, match=told):
            merge([a, a], configured(plugin), None, tmp_path / "o.safetensors", outputs=[counted])
    assert not (tmp_path / "o.safetensors").exists()


def test_unknown_counts_stop_whoever_reads_them_and_no_one_else(tmp_path: Path) -> None:
    @merge_plugin
    def bigger(old: Head, new: Head) -> Head:
        """Of a shared row, the one with more samples."""
        return union(old, new, lambda name, a, b: b if b.count > a.count else a)

    @merge_plugin
    def whole(old: Head, new: Head) -> Head:
        """Read counts as whole numbers and do nothing with them."""
        [int(count) for count in (*old.counts, *new.counts)]
        return union(old, new, lambda name, a, b: b)

    @surgery_plugin
    def by_mass(head: Head) -> Head:
        """Scale rows by their samples."""
        return replace(head, weight=head.weight * head.counts[:, None].to(head.weight))

    a = save(tmp_path / "a.safetensors", {"weight": torch.ones(2, 2)})
    b = save(tmp_path / "b.safetensors", {"weight": torch.zeros(2, 2)})
    names = [lines(tmp_path / "x.txt", "x", "y"), lines(tmp_path / "y.txt", "y", "z")]
    with pytest.raises(CallError, match="needs the samples behind each row, for 'y'"):
        merge([a, b], configured(bigger), None, tmp_path / "o.safetensors", outputs=names)
    merged = merge([a, b], configured(whole), None, tmp_path / "o.safetensors", outputs=names)
    assert all(math.isnan(count) for count in merged.outputs.counts)
    with pytest.raises(CallError, match="which nobody says"):
        apply(a, [configured(by_mass)], [], tmp_path / "p.safetensors")


def test_interrupted_drawing_or_writing_leaves_no_half_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise KeyboardInterrupt

    path = save(tmp_path / "in.safetensors", {"fc.weight": torch.randn(2, 2)})
    monkeypatch.setattr("cltool.checkpoints._pieces", broken)
    with pytest.raises(KeyboardInterrupt):
        apply(path, surgeries_of("prune"), [], tmp_path / "out.safetensors", picture=tmp_path / "p.png")
    assert [entry.name for entry in tmp_path.iterdir() if entry.is_file()] == ["in.safetensors"]
