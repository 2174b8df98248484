"""Every rival under the contract of strategies, the same run under Avalanche's own metrics, and global states."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from cltool import TaskStream
from cltool.catalogue import discover
from cltool.contract import check
from cltool.evaluation import evaluate
from cltool.metrics import bwt_gem, curve, forgetting_avalanche
from cltool.tasks import arrange
from cltool_plugins.avalanche.experiences import TaskSamples
from cltool_plugins.strategies.avalanche import batches, learning
from cltool_plugins.strategies.avalanche.parts import Parts
from cltool_plugins.strategies.avalanche.samples import PictureBody

FAMILY = "avalanche:"
RIVALS = [name for name in discover().names("strategy") if name.startswith(FAMILY)]
TINY = "epochs=1,batch=32"
Run = Callable[..., Any]


def test_all_of_them_are_found() -> None:
    known = (
        "naive joint cumulative ewc si lwf mas replay gdumb agem gem der er-ace icarl bic cwr* slda ncm fecam packnet"
    )
    assert {name.removeprefix(FAMILY) for name in RIVALS} == set(known.split())


@pytest.mark.slow
@pytest.mark.parametrize("name", RIVALS)
def test_it_keeps_the_contract(name: str) -> None:
    assert check(discover().find("strategy", name)).findings  # raises where a clause is broken


@pytest.mark.slow
def test_metrics_are_avalanches_own(run: Run, digit_stream: TaskStream, monkeypatch: pytest.MonkeyPatch) -> None:
    from avalanche.evaluation.metrics import accuracy_metrics, bwt_metrics, forgetting_metrics
    from avalanche.training.plugins import EvaluationPlugin

    plugin = EvaluationPlugin(
        accuracy_metrics(experience=True, stream=True),
        forgetting_metrics(experience=True, stream=True),
        bwt_metrics(stream=True),
        loggers=[],
    )
    loop = Parts.loop
    monkeypatch.setattr(Parts, "loop", lambda parts: loop(parts) | {"evaluator": plugin})
    matrix = np.full((5, 5), np.nan)
    for step, predictor in enumerate(run(f"avalanche:replay:{TINY},memory=20")):
        strategy = predictor.rival.strategy
        strategy.eval([_test_experience(predictor, digit_stream, task) for task in range(step + 1)])
        theirs = dict(plugin.get_last_metrics())
        place = strategy.plugins.index(plugin)
        strategy.plugins.pop(place)  # our scoring is an evaluation to Avalanche, too: it shall not count it
        row = evaluate(predictor, digit_stream, step).row
        strategy.plugins.insert(place, plugin)
        matrix[step, : step + 1] = row
        square = matrix[: step + 1, : step + 1]
        ours = {f"Top1_Acc_Exp/eval_phase/test_stream/Task000/Exp{task:03d}": found for task, found in enumerate(row)}
        ours["Top1_Acc_Stream/eval_phase/test_stream/Task000"] = curve(square, digit_stream.test_counts)[-1]
        if step:
            ours["StreamForgetting/eval_phase/test_stream"] = forgetting_avalanche(square)
            ours["StreamBWT/eval_phase/test_stream"] = bwt_gem(square)
        assert {name: theirs[name] for name in ours} == pytest.approx(ours, abs=1e-6)
    assert forgetting_avalanche(matrix) > 0.02  # there was something to be equal about


def _test_experience(predictor: Any, stream: TaskStream, task: int) -> Any:
    rival = predictor.rival
    blocks = stream.test(stream.groups[task])
    numbers = [rival.experiences.classes[block.output] for block in blocks for _ in range(len(block))]
    samples = TaskSamples("test", rival.parts.samples(blocks), torch.tensor(numbers))
    return rival.experiences.test(rival.tasks - 1, samples, task)


@pytest.mark.slow
def test_global_generators_are_left_as_they_were_and_decide_nothing(
    run: Run, digit_stream: TaskStream, capfd: pytest.CaptureFixture[str]
) -> None:
    found = []
    for seed in (1, 2):
        random.seed(seed)
        np.random.seed(seed)
        torch.manual_seed(seed)
        before = random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state().tolist()
        learned = next(run(f"avalanche:replay:{TINY}"))
        found.append(learned.scores(digit_stream.test(["0", "1"])))
        assert before == (random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state().tolist())
    assert torch.equal(*found)
    assert capfd.readouterr().out == ""


@pytest.mark.slow
@pytest.mark.parametrize("rival", ["replay", "icarl", "agem", "cumulative"])
def test_batches_in_memory_are_the_same_batches(
    run: Run, digit_stream: TaskStream, rival: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def scores() -> torch.Tensor:
        stream = arrange(digit_stream.pictures.only(4), 2)
        *_, last = run(f"avalanche:{rival}:{TINY}", stream=stream)
        return last.scores(stream.test(stream.pictures.outputs))

    quick, asked = scores(), []
    monkeypatch.setattr(batches, "columns", asked.append)  # gives None: what it cannot take from memory
    assert torch.equal(quick, scores())
    assert asked


def test_avalanche_is_imported_before_the_first_task_is_timed(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    imported = []
    monkeypatch.setattr(learning, "library", lambda: imported.append("avalanche"))
    run("avalanche:naive")
    assert imported


@pytest.mark.slow
def test_another_seed_gives_other_scores(run: Run, digit_stream: TaskStream) -> None:
    one, two = (next(run(f"avalanche:naive:{TINY}", seed=seed)).scores(digit_stream.test(["0"])) for seed in (0, 1))
    assert not torch.allclose(one, two)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("rival", "least"),
    [("naive", 0.4), ("ewc:strength=1", 0.4), ("icarl", 0.7), ("er-ace", 0.7), ("cwr*", 0.7), ("packnet", 0.7)],
)
def test_the_whole_network_learns_as_a_copy(
    run: Run, digit_stream: TaskStream, backbone: Any, rival: str, least: float
) -> None:
    before = {name: weight.clone() for name, weight in backbone.body.state_dict().items()}
    stream = arrange(digit_stream.pictures.only(4), 2)
    options = "epochs=2,tuning_epochs=1" if rival == "packnet" else "epochs=1"
    *_, learned = run(f"avalanche:{rival}{',' if ':' in rival else ':'}{options},train=all", stream=stream)
    assert evaluate(learned, stream, 1).overall > least
    assert learned.parameters == 4 * (32 if rival == "cwr*" else 33)  # the network's own are not among them
    assert learned.nbytes >= 2 * 32 * 4  # the moments of the first task
    assert all(torch.equal(before[name], weight) for name, weight in backbone.body.state_dict().items())
    (own,) = [module for module in learned.rival.strategy.model.modules() if isinstance(module, PictureBody)]
    weights = [weight for weight in own.parameters() if weight.ndim == 2]
    assert not any(torch.equal(before["1.weight"], weight) for weight in weights)


@pytest.mark.slow
def test_synaptic_intelligence_holds_weights_on_a_cpu(run: Run, digit_stream: TaskStream) -> None:
    def scores(rival: str) -> torch.Tensor:
        *_, last = run(f"avalanche:{rival},{TINY}")
        return last.scores(digit_stream.test(["0"]))

    rate = "learning_rate=0.01"
    naive, without, held = (
        scores(f"{rival},{rate}") for rival in ("naive:decay=0", "si:strength=0", "si:strength=5000")
    )
    assert torch.allclose(naive, without, atol=1e-4)
    assert not torch.allclose(naive, held, atol=1e-2)


@pytest.mark.slow
def test_no_importance_is_below_0(run: Run, digit_stream: TaskStream) -> None:
    stream = arrange(digit_stream.pictures.only(4), 2)
    *_, last = run("avalanche:si:epochs=2,train=all", stream=stream)
    (plugin,) = [plugin for plugin in last.rival.strategy.plugins if hasattr(plugin, "ewc_data")]
    assert min(float(importance.data.min()) for importance in plugin.ewc_data[1].values()) >= 0
    assert min(float(-way.data.max()) for way in plugin.syn_data["cum_trajectory"].values()) < -1  # there was one


@pytest.mark.slow
def test_a_loss_of_nothing_is_a_loss_to_mas(run: Run, digit_stream: TaskStream) -> None:
    stream = arrange(digit_stream.pictures.only(4), 2)
    assert len(list(run("avalanche:mas:epochs=1,batch=8,learning_rate=10", stream=stream))) == 2


@pytest.mark.slow
def test_a_task_aware_rival_is_told_the_task(run: Run, digit_stream: TaskStream) -> None:
    rival = "avalanche:packnet:epochs=8,tuning_epochs=2,batch=16,learning_rate=0.1,hidden=64"
    scored = [evaluate(p, digit_stream, step) for step, p in enumerate(run(rival))]
    first = [step.row_task_aware[0] for step in scored]
    assert first == pytest.approx([first[0]] * 5)  # its weights are frozen and found again
    assert min(scored[-1].row_task_aware) > 0.7
