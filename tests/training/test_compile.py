"""``compile=True`` changes the speed, not the result."""

from __future__ import annotations

import pytest
import torch


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_a_compiled_run_ends_in_the_same_weights(workshop):
    plain = workshop.vae(beta=2.0, warmup_epochs=2.0)
    workshop.trainer(plain, held_out=12, max_epochs=4).run()
    compiled = workshop.vae(beta=2.0, warmup_epochs=2.0)
    trainer = workshop.trainer(compiled, held_out=12, max_epochs=4, compile=True)
    torch._dynamo.reset()
    torch._dynamo.utils.counters.clear()
    result = trainer.run()
    assert result.history.events == []
    stats = torch._dynamo.utils.counters["stats"]
    assert stats["unique_graphs"] == 1  # warm-up changes the weights, not the graph; no break in it
    for name, tensor in plain.state_dict().items():
        torch.testing.assert_close(compiled.state_dict()[name], tensor, rtol=2e-4, atol=2e-5, msg=name)
