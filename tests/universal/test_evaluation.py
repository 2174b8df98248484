"""Trainings evaluated: the figures against a count by hand and scikit-learn, on whatever pictures."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.metrics import precision_recall_fscore_support

from cltool.errors import CallError
from cltool.features import FeatureBank
from cltool.heads import Head
from cltool.pictures import PictureSet
from cltool.recipe import Choice
from cltool.universal.cards import Card
from cltool.universal.evaluation import Evaluation, OtherData, evaluate, prepare
from cltool.universal.frozen import space
from cltool.universal.scores import class_scores, confusion, most_confused, worst_mistakes
from cltool_plugins.streams.digits import digits


def evaluated(folder: Path, other: OtherData | None = None) -> Evaluation:
    (candidate,) = prepare([folder], other)
    return evaluate(candidate, FeatureBank())


def test_a_good_head_is_far_above_chance_and_every_picture_counts_once(by_hand: Callable) -> None:
    found = evaluated(by_hand())
    pictures = digits()
    assert found.accuracy > 0.9
    assert found.confusion.sum(1).tolist() == [len(pictures.test[name]) for name in pictures.outputs]
    assert (found.name, found.data, found.classes) == ("hand", "digits", pictures.outputs)
    assert (found.kept["epoch"], found.training_seconds, len(found.journal)) == (2, 7.5, 3)


def test_numbers_are_those_of_the_head_applied_by_hand(by_hand: Callable) -> None:
    folder = by_hand()
    (candidate,) = prepare([folder])
    found = evaluate(candidate, FeatureBank())
    pictures, head = candidate.pictures, candidate.head
    from cltool.tasks import arrange
    from cltool.universal.frozen import frozen

    backbone = frozen(folder, arrange(pictures, 1))
    blocks = [pictures.test[name] for name in pictures.outputs]
    scores = torch.cat([head(backbone(block.pictures(range(len(block))))) for block in blocks])
    true = np.concatenate([np.full(len(block), int(block.output)) for block in blocks])
    guessed = scores.argmax(1).numpy()
    assert found.accuracy == pytest.approx((guessed == true).mean())
    expected = precision_recall_fscore_support(true, guessed)
    told = np.array([[s.precision, s.recall, s.f1, s.pictures] for s in found.per_class]).T
    assert np.allclose(told, np.stack(expected))
    assert found.macro_f1 == pytest.approx(expected[2].mean())
    assert found.balanced_accuracy == pytest.approx(expected[1].mean())


def test_mistakes_are_the_surest_first_and_wrong_all_of_them(by_hand: Callable) -> None:
    (candidate,) = prepare([by_hand()])
    found = evaluate(candidate, FeatureBank())
    wrong = found.pictures - int(found.confusion.trace())
    assert len(found.mistakes) == min(24, wrong)
    chances = [mistake.probability for mistake in found.mistakes]
    assert chances == sorted(chances, reverse=True)
    for mistake in found.mistakes:
        assert mistake.true != mistake.predicted
        assert candidate.pictures.test[mistake.true].names[mistake.index] == mistake.picture


def test_facts_are_plain_and_whole(by_hand: Callable) -> None:
    facts = json.loads(json.dumps(evaluated(by_hand()).facts()))
    assert np.array(facts["confusion"]).trace() / facts["pictures"] == pytest.approx(facts["accuracy"])
    assert facts["drawn"] == dict.fromkeys(digits().outputs, 102)
    assert (facts["epoch"], facts["epochs"], facts["parameters"]) == (2, 3, 256 * 65)
    assert {"picture", "true", "predicted", "probability"} == set(facts["mistakes"][0])


def test_classes_that_the_data_lack_have_no_recall(by_hand: Callable) -> None:
    left_out = {str(n): str(n) if n < 4 else None for n in range(10)}
    found = evaluated(by_hand(), OtherData(label_map=left_out))
    scores = {one.name: one for one in found.per_class}
    assert found.pictures == sum(len(digits().test[str(n)]) for n in range(4))
    assert (scores["7"].pictures, scores["7"].recall, scores["7"].f1) == (
        0,
        None,
        0.0 if found.confusion[:, 7].any() else None,
    )
    assert found.confusion.shape == (10, 10)
    assert found.accuracy > 0.9


def test_a_training_of_some_classes_is_tried_on_those(by_hand: Callable) -> None:
    found = evaluated(by_hand(pictures=digits().only(["7", "1"]), classes=["7", "1"]))
    assert (found.classes, found.confusion.shape) == (("7", "1"), (2, 2))
    assert found.accuracy > 0.95


def test_a_label_map_says_what_a_foreign_class_is(by_hand: Callable) -> None:
    """Halves of the digits under other names, mapped back: both ways of asking give the same."""
    halves = {str(n): "low" if n < 5 else "high" for n in range(10)}
    folder = by_hand(pictures=digits().relabelled(halves), label_map=halves)
    own = evaluated(folder)
    asked = evaluated(folder, OtherData(stream=Choice(name="digits"), label_map=halves))
    assert own.accuracy > 0.75
    assert (own.confusion == asked.confusion).all()
    assert own.classes == ("low", "high")


def test_a_second_time_no_picture_goes_through_the_network(by_hand: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = by_hand()
    first = evaluated(folder)
    monkeypatch.setattr("cltool.universal.frozen._built", lambda *_: pytest.fail("built"))
    assert (evaluated(folder).confusion == first.confusion).all()


def test_data_of_several_trainings_are_loaded_once(by_hand: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    loads = []
    load = digits.__cltool_plugin__.function

    def counted() -> PictureSet:
        loads.append(1)
        return load()

    monkeypatch.setattr("cltool.universal.evaluation.load", lambda *_: counted())
    one, two = prepare([by_hand("one"), by_hand("two")])
    assert one.pictures is two.pictures
    assert (one.name, two.name, len(loads)) == ("one", "two", 1)


def test_a_torn_last_line_of_the_journal_does_not_count(by_hand: Callable) -> None:
    folder = by_hand()
    with (folder / "journal.jsonl").open("a") as file:
        file.write('{"epoch": 4, "tra')
    assert len(evaluated(folder).journal) == 3


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("{", "journal.jsonl, line 2 is no JSON"),
        ("7", "journal.jsonl, line 2: Input should be"),
        ('{"epoch": 2}', "journal.jsonl, line 2, train: Field required"),
        ("\xff", "journal.jsonl, line 2 is no JSON"),
    ],
)
def test_a_damaged_journal_is_named_with_its_line(by_hand: Callable, line: str, told: str) -> None:
    folder = by_hand()
    lines = (folder / "journal.jsonl").read_bytes().splitlines()
    lines[1] = line.encode("latin-1")
    (folder / "journal.jsonl").write_bytes(b"\n".join(lines) + b"\n")
    with pytest.raises(CallError, match=told):
        prepare([folder])


def test_all_weights_are_held_against_their_cards_before_anything_is_computed(by_hand: Callable) -> None:
    good, bad = by_hand("good"), by_hand("bad")
    card, weights = Card.load(bad / "best.safetensors")
    card.save(bad / "best.safetensors", {"1.weight": torch.zeros(9, 9), "1.bias": weights["1.bias"].clone()})
    head = Head.load(bad / "head.safetensors")
    Head(head.names, *(t.clone() for t in (head.weight, head.bias, head.counts)), space(bad)).save(
        bad / "head.safetensors"
    )
    with pytest.raises(CallError, match="another shape"):
        prepare([good, bad])


def test_a_class_may_be_called_unknown(by_hand: Callable) -> None:
    names = {str(n): "unknown" if n == 3 else str(n) for n in range(10)}
    found = evaluated(by_hand(pictures=digits().relabelled(names), label_map=names))
    assert found.classes[3] == "unknown"
    assert found.accuracy > 0.9


def test_a_file_to_be_handed_on_names_pictures_from_the_datas_folder_on(by_hand: Callable, tmp_path: Path) -> None:
    from PIL import Image

    for split, shift in (("train", 0), ("test", 1)):  # every test picture is a mistake
        for name in ("0", "1"):
            (tmp_path / "data" / split / name).mkdir(parents=True)
            block = digits().test[str((int(name) + shift) % 2)]
            for i in range(3):
                Image.fromarray(block.picture(i)[0].numpy()).save(tmp_path / "data" / split / name / f"{i}.png")
    root = str(tmp_path / "data")
    found = evaluated(by_hand(), OtherData(stream=Choice(name="folder", options={"mode": "L"}), data_root=root))
    assert {mistake.picture for mistake in found.mistakes} == {f"test/{n}/{i}.png" for n in "01" for i in range(3)}


def test_without_a_journal_there_is_still_an_evaluation(by_hand: Callable) -> None:
    folder = by_hand()
    (folder / "journal.jsonl").unlink()
    found = evaluated(folder)
    assert (found.facts()["epoch"], found.facts()["drawn"], found.training_seconds) == (None, None, 0)


@pytest.mark.slow
def test_a_thousand_classes_are_told_and_drawn(by_hand: Callable, tmp_path: Path) -> None:
    """Made-up counts, of which the file holds only the cells that are not empty."""
    from dataclasses import replace

    from cltool.report.trainings import page, write

    one, names = evaluated(by_hand()), tuple(f"class {n}" for n in range(1000))
    matrix = np.diag(np.full(1000, 9)) + np.eye(1000, k=1, dtype=np.int64)
    card = replace(one.card, classes=names, counts=dict.fromkeys(names, 5))
    found = replace(one, card=card, classes=names, confusion=matrix, mistakes=())
    write([found], {"hand": digits()}, tmp_path / "out")
    text = (tmp_path / "out" / "evaluation.json").read_text()
    (told,) = json.loads(text)["trainings"]
    assert "confusion" not in told
    assert told["confusion_cells"][:2] == [["class 0", "class 0", 9], ["class 0", "class 1", 1]]
    assert len(told["confusion_cells"]) == 1999
    assert found.per_class is found.per_class
    assert (told["classes"][0]["recall"], told["classes"][0]["precision"]) == (0.9, 1.0)
    assert "| class 999 |" in page([found])


def test_a_row_of_the_matrix_is_a_line_of_the_file(by_hand: Callable, tmp_path: Path) -> None:
    from cltool.report.trainings import write

    found = evaluated(by_hand())
    write([found], {"hand": digits()}, tmp_path / "out")
    text = (tmp_path / "out" / "evaluation.json").read_text()
    assert json.loads(text)["trainings"][0]["confusion"] == found.confusion.tolist()
    assert str(found.confusion[3].tolist()) in [line.strip().rstrip(",") for line in text.splitlines()]


# The figures, on matrices made by hand


def test_a_confusion_matrix_has_rows_for_classes_that_nobody_predicted() -> None:
    found = confusion(torch.tensor([0, 2, 2, 2]), torch.tensor([0, 0, 2, 2]), 4)
    assert found.tolist() == [[1, 0, 0, 0], [0, 0, 0, 0], [1, 0, 2, 0], [0, 0, 0, 0]]


def test_what_cannot_be_divided_is_none_not_zero() -> None:
    never, absent = class_scores(np.array([[2, 1, 0], [1, 0, 0], [0, 0, 0]]), ["a", "b", "c"])[1:]
    assert (never.precision, never.recall, never.f1) == (0.0, 0.0, 0.0)
    assert (absent.precision, absent.recall, absent.f1, absent.pictures) == (None, None, None, 0)


def test_pairs_add_both_directions_and_come_in_order() -> None:
    matrix = np.array([[10, 3, 0], [4, 10, 1], [0, 0, 10]])
    found = most_confused(matrix, ["a", "b", "c"])
    assert [(pair.classes, pair.pictures) for pair in found] == [(("a", "b"), 7), (("b", "c"), 1)]
    assert found[0].share == pytest.approx(7 / (13 + 15))


def test_mistakes_are_found_across_blocks() -> None:
    pictures = digits()
    blocks = [pictures.test["3"].part([0, 1], "test"), pictures.test["8"].part([0, 1], "test")]
    chances = torch.tensor([[0.9, 0.1], [0.3, 0.7], [0.8, 0.2], [0.1, 0.9]])
    found = worst_mistakes(blocks, chances, ["3", "8"])
    assert [(m.true, m.predicted, m.index) for m in found] == [("8", "3", 0), ("3", "8", 1)]
    assert [m.probability for m in found] == pytest.approx([0.8, 0.7])
    assert worst_mistakes(blocks, torch.eye(2).repeat_interleave(2, 0), ["3", "8"]) == ()
