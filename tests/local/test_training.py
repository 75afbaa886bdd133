"""The trainer: what is learnt, dropping layers, exact resuming, and a whole training of a tiny model."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from app.local.checkpoint import load_model  # noqa: E402
from app.local.documents import Batches, Document, TemplateLayout, pad_batch  # noqa: E402
from app.local.evaluation import evaluate  # noqa: E402
from app.local.journal import chart, read_looks  # noqa: E402
from app.local.llama import Llama  # noqa: E402
from app.local.recipe import NONE, Recipe  # noqa: E402
from app.local.school import CannotTrain, Job, School, Sizes  # noqa: E402
from app.local.shape import Shape  # noqa: E402
from app.local.training import CannotResume, Plan, Trainer, losses_by_layer  # noqa: E402
from tests.support import ROOT  # noqa: E402

FOLDERS = [ROOT / "templates" / "prompts"]
SHAPE = Shape(vocabulary=40, width=16, layers=4, heads=2, kv_heads=1, head_size=8, inner=24, positions=64)
SIZES = Sizes(vocabulary=700, width=16, layers=4, heads=2, kv_heads=1, inner=24, positions=2048)
# In each document the answer follows from the prompt's last token.
DOCUMENTS = [Document((1, 3 + n % 30, 3 + 7 * n % 30, 0), 2) for n in range(60)]


def _trainer(plan: Plan, lessons: str = "") -> Trainer:
    torch.manual_seed(0)
    return Trainer(Llama(SHAPE), Batches(DOCUMENTS, budget=160, seed=1, prompt_weight=0.1, pad=0), plan, lessons)


def test_only_answers_are_learnt_unless_prompts_have_a_weight() -> None:
    batch = pad_batch([Document((1, 2, 3, 4, 5), 3), Document((1, 2, 3), 2)], 0.0, 0, widths=1)
    assert batch.inputs.tolist() == [[1, 2, 3, 4], [1, 2, 0, 0]]
    assert batch.targets.tolist() == [[2, 3, 4, 5], [2, 3, 0, 0]]
    assert batch.weights.tolist() == [[0, 0, 1, 1], [0, 1, 0, 0]]
    assert pad_batch([Document((1, 2, 3), 2)], 0.5, 0, widths=4).weights.tolist() == [[0.5, 1, 0, 0]]


def test_batches_hold_every_document_once_an_epoch_in_an_order_of_the_seed() -> None:
    found = [Document((n,) * (2 + n % 7), 1) for n in range(1, 50)]
    batches = Batches(found, budget=80, seed=1, prompt_weight=0, pad=0)
    seen: list[int] = []
    number = 0
    while len(seen) < len(found):
        batch = batches[number]
        assert batch.tokens <= 80
        seen += batch.inputs[:, 0].tolist()
        number += 1
    assert sorted(seen) == list(range(1, 50))
    again = Batches(found, budget=80, seed=1, prompt_weight=0, pad=0)
    assert torch.equal(again[number + 2].inputs, batches[number + 2].inputs)
    other = Batches(found, budget=80, seed=2, prompt_weight=0, pad=0)
    assert any(batches[n].inputs.tolist() != other[n].inputs.tolist() for n in range(number))


def test_a_training_that_was_stopped_goes_on_as_if_it_had_not_been(tmp_path: Path) -> None:
    plan = Plan(steps=12, warmup=3, recipe=Recipe(dropout=0.5))
    whole = _trainer(plan)
    whole.run()
    first = _trainer(plan)
    first.run(5)
    first.save(tmp_path)
    second = _trainer(plan)
    second.resume(tmp_path)
    assert second.step == 5
    second.run()
    for name, weight in whole.model.state_dict().items():
        assert torch.equal(weight, second.model.state_dict()[name]), name
    assert second.tokens == whole.tokens


def test_a_state_of_another_training_is_refused(tmp_path: Path) -> None:
    plan = Plan(steps=4)
    with pytest.raises(CannotResume, match="no training"):
        _trainer(plan).resume(tmp_path)
    _trainer(plan, "these").save(tmp_path)
    with pytest.raises(CannotResume, match="rate"):
        _trainer(replace(plan, rate=1e-4), "these").resume(tmp_path)
    with pytest.raises(CannotResume, match="other lessons"):
        _trainer(plan, "those").resume(tmp_path)
    (tmp_path / "training.pt").write_bytes(b"no state")
    with pytest.raises(CannotResume, match="cannot be read"):
        _trainer(plan, "these").resume(tmp_path)


def test_the_recipe_teaches_early_layers_to_answer() -> None:
    plan = Plan(steps=120, warmup=10, rate=5e-3)
    held_out = [pad_batch(DOCUMENTS[:30], 0.0, 0)]
    losses = {}
    for name, recipe in (("with", Recipe(dropout=0.1, exit_scale=1.0)), ("without", NONE)):
        trainer = _trainer(replace(plan, recipe=recipe))
        before = losses_by_layer(trainer.model, held_out)
        trainer.run()
        losses[name] = losses_by_layer(trainer.model, held_out)
        assert losses[name][-1] < before[-1] - 1
    assert losses["with"][1] < losses["without"][1] - 0.3


def test_a_loss_that_is_no_number_ends_the_training() -> None:
    trainer = _trainer(Plan(steps=3))
    with torch.no_grad():
        trainer.model.lm_head.weight.fill_(float("nan"))
    with pytest.raises(FloatingPointError, match="learning rate"):
        trainer.run()


@pytest.mark.parametrize("wrong", [{"steps": 0}, {"steps": 1, "rate": 0.0}, {"steps": 1, "prompt_weight": 2.0}])
def test_impossible_plans_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="must"):
        Plan(**wrong)  # type: ignore[arg-type]


def _job(**changed: object) -> Job:
    plan = Plan(steps=4, budget=2000, warmup=1)
    return replace(Job(plan, SIZES, lessons=60, longest=900, look_every=2, save_every=2, label="A test"), **changed)  # type: ignore[arg-type]


def test_a_whole_training_leaves_a_checkpoint_its_log_and_what_it_is(tmp_path: Path) -> None:
    folder = tmp_path / "made"
    School(_job(), FOLDERS).train(folder)
    looks = read_looks(folder)
    assert [look.step for look in looks] == [2, 4]
    assert len(looks[0].losses) == 4
    assert "<svg" in (folder / "training.svg").read_text()
    about = json.loads((folder / "govsim.json").read_text())
    assert about["label"] == "A test"
    assert about["seed"] == 1
    assert not (folder / "training.pt").exists()
    model = load_model(folder)
    report = evaluate(model, TemplateLayout(folder), FOLDERS, prompts=8, each_stock=1)
    assert sum(asked for _, asked in report.readable.values()) == 8
    assert set(report.harvests) == {20, 40, 60, 80, 100}
    assert len(report.losses) == 4
    with pytest.raises(CannotTrain, match="holds a model already"):
        School(_job(), FOLDERS).train(folder)
    # From there it can be continued, with its own tokenizer.
    School(_job(start=folder), FOLDERS).train(tmp_path / "more")
    assert load_model(tmp_path / "more").shape == model.shape


def test_chats_can_be_learnt_instead(tmp_path: Path) -> None:
    told = [
        {"messages": [{"role": "user", "content": f"The lake holds {n} tons."}, {"role": "assistant", "content": "7"}]}
        for n in range(40)
    ]
    told[0]["messages"][0]["content"] = " ".join(map(str, range(150)))
    (tmp_path / "chats.jsonl").write_text("".join(json.dumps(line) + "\n" for line in told))
    school = School(_job(chats=(tmp_path / "chats.jsonl",), longest=100), FOLDERS)
    assert (len(school.documents), school.left_out) == (35, 1)
    school.train(tmp_path / "made")
    about = json.loads((tmp_path / "made" / "govsim.json").read_text())
    assert about["trained_on"] == "36 chats of chats.jsonl; 4 of them held out"
    with pytest.raises(CannotTrain, match=r"none\.jsonl cannot be read"):
        School(_job(chats=(tmp_path / "none.jsonl",)), FOLDERS)


def test_an_interrupted_training_is_resumed_and_ends_the_same(tmp_path: Path) -> None:
    School(_job(), FOLDERS).train(tmp_path / "whole")

    def interrupt(_look: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        School(_job(), FOLDERS).train(tmp_path / "parts", say=interrupt)
    assert (tmp_path / "parts" / "training.pt").is_file()
    with pytest.raises(CannotTrain, match="--resume"):
        School(_job(), FOLDERS).train(tmp_path / "parts")
    School(_job(), FOLDERS).train(tmp_path / "parts", resume=True)
    names = ("model.safetensors", "config.json", "tokenizer.json", "tokenizer_config.json")
    for name in names:
        assert (tmp_path / "parts" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes(), name
    assert [look.step for look in read_looks(tmp_path / "parts")] == [2, 4]
    with pytest.raises(CannotTrain, match="no training to go on with"):
        School(_job(), FOLDERS).train(tmp_path / "none", resume=True)


def test_an_estimate_trains_nothing(tmp_path: Path) -> None:
    school = School(_job(), FOLDERS)
    before = {name: value.clone() for name, value in school.model.state_dict().items()}
    estimate = school.estimate()
    assert estimate.parameters == school.model.shape.parameters
    assert estimate.tokens > 0
    assert estimate.seconds > 0
    assert all(torch.equal(value, before[name]) for name, value in school.model.state_dict().items())
    assert school.trainer.step == 0


def test_lessons_that_are_all_too_long_are_said() -> None:
    with pytest.raises(CannotTrain, match="--longest"):
        School(_job(longest=8), FOLDERS)


def test_the_chart_escapes_names_and_draws_each_layer() -> None:
    assert chart({}, [1, 2]).count("<path") == 2  # the grid
    from app.local.journal import Look

    looks = [Look(step, 1.0, (3.0, 2.0), 10, 1.0, 1.0) for step in (1, 2)]
    drawn = chart({"<a>": looks, "b": looks}, [1, 2])
    assert "&lt;a&gt;" in drawn
    assert "<a>" not in drawn
    assert drawn.count('fill="none"') == 4


def test_on_the_command_line_chats_need_a_folder_and_a_dry_run_writes_nothing(tmp_path: Path) -> None:
    told = {"messages": [{"role": "user", "content": "Hello."}, {"role": "assistant", "content": "Seven tons."}]}
    (tmp_path / "chats.jsonl").write_text((json.dumps(told) + "\n") * 40)

    def govsim(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "app.cli", "local", "train", "--chats", str(tmp_path / "chats.jsonl")]
        environment = {**os.environ, "GOVSIM_LOCAL_MODELS": str(tmp_path / "local")}
        return subprocess.run(
            [*command, *arguments], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120
        )

    unnamed = govsim()
    assert (unnamed.returncode, unnamed.stdout) == (2, "")
    assert "Name a folder for the model" in unnamed.stderr
    dry = govsim(str(tmp_path / "own"), "--dry-run", "--steps", "5", "--threads", "1")
    assert dry.returncode == 0, dry.stderr
    assert "36 lessons" in dry.stdout and "Nothing was written." in dry.stdout
    assert sorted(path.name for path in tmp_path.iterdir()) == ["chats.jsonl"]
