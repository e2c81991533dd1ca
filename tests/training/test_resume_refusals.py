"""A checkpoint of another run, of another model or without all that it needs is refused."""

from __future__ import annotations

import pytest

from isthmus.core.errors import ResumeError
from isthmus.files.sealed import read_sealed, write_sealed
from isthmus.training.callbacks import StopRequest
from isthmus.training.checkpoints import KIND


def stopped_run(workshop, path, identity=None, at=6):
    stop = StopRequest()
    with workshop.folder(path, identity) as folder:
        trainer = workshop.trainer(checkpoints=folder, callbacks=[stop])
        run, done = trainer.step.run, []

        def counting(*step):
            done.append(1)
            if len(done) == at:
                stop.reason = "enough"
            return run(*step)

        trainer.step.run = counting
        trainer.run()
    return trainer


IDENTITY = {
    "data": "abc",
    "settings": {"batch_size": 16, "learning_rate": 0.1},
    "layers": [{"hidden": [8]}],
    "torch": "2.13.0",
}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"data": "xyz"}, "data (checkpoint: 'abc', now: 'xyz')"),
        ({"torch": "2.14.0"}, "torch (checkpoint: '2.13.0', now: '2.14.0')"),
        (
            {"settings": {"batch_size": 32, "learning_rate": 0.2}},
            "settings.batch_size (checkpoint: 16, now: 32); settings.learning_rate (checkpoint: 0.1, now: 0.2)",
        ),
        ({"layers": [{"hidden": [9]}]}, "layers.0.hidden.0 (checkpoint: 8, now: 9)"),
        ({"new": 1}, "new (checkpoint: None, now: 1)"),
    ],
)
def test_another_identity_is_refused_by_name_unless_accepted(workshop, tmp_path, change, words):
    stopped_run(workshop, tmp_path, IDENTITY)
    before = sorted(path.name for path in tmp_path.glob("checkpoint-*"))
    with workshop.folder(tmp_path, {**IDENTITY, **change}) as folder, pytest.raises(ResumeError) as caught:
        workshop.trainer(checkpoints=folder).run()
    assert str(caught.value) == (
        f"Checkpoint {tmp_path / before[-1]} belongs to another run. It differs in {words}. Train in another folder, "
        "or resume all the same with Checkpoint(folder, accept_mismatch=True) or `--accept-mismatch`."
    )
    assert sorted(path.name for path in tmp_path.glob("checkpoint-*")) == before
    with workshop.folder(tmp_path, {**IDENTITY, **change}, accept_mismatch=True) as folder:
        result = workshop.trainer(checkpoints=folder).run()
    assert result.epochs == 3
    assert [row["epoch"] for row in result.history] == [1, 2, 3]


def rewritten(path, change):
    manifest, tensors = read_sealed(path, KIND, allow_nonfinite=True)
    change(manifest, tensors)
    write_sealed(path, KIND, manifest, tensors, allow_nonfinite=True)


def test_a_missing_generator_state_is_refused_unless_accepted(workshop, tmp_path):
    stopped_run(workshop, tmp_path)
    path = tmp_path / "checkpoint-000001.safetensors"
    rewritten(path, lambda manifest, tensors: tensors.pop("generator.start"))
    with workshop.folder(tmp_path) as folder, pytest.raises(ResumeError) as caught:
        workshop.trainer(checkpoints=folder).run()
    assert f"Checkpoint {path} holds no generator state, so that an exact resume is impossible. Train in" in str(
        caught.value
    )
    with workshop.folder(tmp_path, accept_mismatch=True) as folder:
        assert workshop.trainer(checkpoints=folder).run().epochs == 3


def test_another_model_and_an_incomplete_checkpoint_are_refused_even_if_accepted(workshop, tmp_path):
    stopped_run(workshop, tmp_path)
    model = workshop.model(hidden=(9,))
    before = workshop.weights(model)
    with workshop.folder(tmp_path, accept_mismatch=True) as folder, pytest.raises(ResumeError) as caught:
        workshop.trainer(model, checkpoints=folder).run()
    assert "holds another model: 'model.decoder.0.bias' is (8,) float32 there and (9,) float32 here." in str(
        caught.value
    )
    assert workshop.same(workshop.weights(model), before)
    rewritten(tmp_path / "checkpoint-000001.safetensors", lambda manifest, tensors: manifest["state"].pop("counters"))
    with (
        workshop.folder(tmp_path) as folder,
        pytest.raises(ResumeError, match=r"is incomplete \(KeyError\('counters'\)\)"),
    ):
        workshop.trainer(checkpoints=folder).run()
