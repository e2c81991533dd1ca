"""A row's result depends on that row alone: bit for bit, at every width, in any order, company or memory layout."""

from __future__ import annotations

import numpy as np
import pytest

from isthmus import MLP, VAE, Autoencoder

METHODS = ("transform", "reconstruct", "score_samples")


@pytest.fixture(scope="module", params=[Autoencoder, VAE], ids=["autoencoder", "vae"])
def template(request):
    """Fits are cheap here: what matters is the shapes, not what was learnt.

    A fan-in of 33 into a fan-out of 5 is where unpadded products round differently at different rows.
    """

    def fitted(width: int):
        rows = np.random.default_rng(width).normal(size=(1300, width)).astype(np.float32)
        network = MLP(hidden=(width, 33), normalisation="layer" if width % 2 else "none")
        model = request.param(
            min(width, 5), network=network, schema="continuous", max_epochs=1, batch_size=1300, random_state=0
        )
        return model.fit(rows[:64]), rows

    return fitted


@pytest.mark.parametrize("width", range(1, 71))
def test_permuted_rows_give_the_same_bits(template, width):
    model, rows = template(width)
    order = np.random.default_rng(1).permutation(len(rows))
    for method in METHODS:
        apart = getattr(model, method)(rows)
        np.testing.assert_array_equal(getattr(model, method)(rows[order]), apart[order], err_msg=method)


@pytest.mark.parametrize("width", [1, 5, 16, 50])
def test_single_rows_strided_rows_and_other_layouts_give_the_same_bits(template, width):
    model, rows = template(width)
    for method in METHODS:
        together = getattr(model, method)(rows)
        for position in (0, 700, 1299):
            alone = getattr(model, method)(rows[position : position + 1])
            np.testing.assert_array_equal(alone[0], together[position], err_msg=method)
        np.testing.assert_array_equal(getattr(model, method)(rows[::3]), together[::3], err_msg=method)
        np.testing.assert_array_equal(getattr(model, method)(np.asfortranarray(rows)), together, err_msg=method)
        np.testing.assert_array_equal(getattr(model, method)(rows.astype(">f4")), together, err_msg=method)


def test_scores_do_not_change_from_call_to_call(template):
    model, rows = template(9)
    np.testing.assert_array_equal(model.score_samples(rows), model.score_samples(rows))
