"""The networks that the benchmarks compare, as each library wants them: by hand, pythae 0.1.2, PyOD 3.6.7.

Every ``*_seconds`` function trains and returns the wall-clock time, on one outside clock, at the end of each epoch.
What lies between two ends of epochs is steady training with all the bookkeeping that a library does per epoch; set-up,
sanity checks, saving and scoring lie outside and are charged to nobody.
"""

from __future__ import annotations

import contextlib
import io
import itertools
import logging
import math
import tempfile
import time
import warnings
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

SPIKE = 10.0  # clip when the gradient norm is this many times its running average


def mlp(sizes: list[int]) -> nn.Sequential:
    """Linear layers with ReLU between them, none after the last."""
    layers: list[nn.Module] = []
    for width, following in itertools.pairwise(sizes):
        layers += [nn.Linear(width, following), nn.ReLU()]
    return nn.Sequential(*layers[:-1])


def by_hand_seconds(
    X: Tensor, hidden: tuple[int, ...], latent_dim: int, batch_size: int, epochs: int, seed: int, vae: bool = False
) -> list[float]:
    """The loop that a practised hand would write: resident rows, one permutation an epoch, fused Adam, no frills.

    The loss is squared error (half of it, as a Gaussian with σ = 1 has it), for the VAE plus the KL divergence. At
    every step the total gradient norm is compared with its running average; only a spike scales the gradients.
    """
    torch.manual_seed(seed)
    generator = torch.Generator().manual_seed(seed)
    width = X.shape[1]
    encoder = mlp([width, *hidden, latent_dim * (2 if vae else 1)])
    decoder = mlp([latent_dim, *reversed(hidden), width])
    parameters = [*encoder.parameters(), *decoder.parameters()]
    optimiser = torch.optim.Adam(parameters, lr=1e-3, fused=True)
    average = math.inf
    clock = []
    for _ in range(epochs):
        order = torch.randperm(len(X), generator=generator)
        running = torch.zeros(())
        for start in range(0, len(X), batch_size):
            batch = X.index_select(0, order[start : start + batch_size])
            if vae:
                mean, log_std = encoder(batch).chunk(2, 1)
                std = log_std.exp()
                code = mean + std * torch.randn(mean.shape, generator=generator)
                loss = 0.5 * (mean.square() + std.square() - 1).sum() - log_std.sum()
                loss = (loss + 0.5 * (decoder(code) - batch).square().sum()) / len(batch)
            else:
                loss = 0.5 * (decoder(encoder(batch)) - batch).square().sum() / len(batch)
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
            norm = float(torch.linalg.vector_norm(torch.stack(torch._foreach_norm(gradients))))
            if norm > SPIKE * average:
                torch._foreach_mul_(gradients, average / norm)
                norm = average
            average = norm if average == math.inf else 0.98 * average + 0.02 * norm
            optimiser.step()
            running += loss.detach()
        float(running)
        clock.append(time.perf_counter())
    return clock


@contextlib.contextmanager
def silence() -> Iterator[None]:
    """No logging, no progress bars, no prints: terminals are slow, and no contender shall pay for them."""
    logging.disable(logging.CRITICAL)
    with (
        warnings.catch_warnings(),
        contextlib.redirect_stdout(io.StringIO()),
        contextlib.redirect_stderr(io.StringIO()),
    ):
        warnings.simplefilter("ignore")
        try:
            yield
        finally:
            logging.disable(logging.NOTSET)


class Clock:
    """When training began, and the time at the end of every epoch; the processor's time from its beginning on."""

    def __init__(self) -> None:
        self.started = math.nan
        self.ends: list[float] = []
        self.processor: list[float] = []


def pythae_train(X: Tensor, model: Any, epochs: int, seed: int, **options: Any) -> tuple[Any, Clock]:
    """Train a pythae model with its BaseTrainer, without evaluation data; the trainer and the times of its epochs.

    ``options`` go to BaseTrainerConfig; what is not given keeps pythae's default.
    """
    with silence():
        from pythae.data.datasets import BaseDataset
        from pythae.trainers import BaseTrainer, BaseTrainerConfig
        from pythae.trainers.training_callbacks import TrainingCallback

    clock = Clock()

    class Ends(TrainingCallback):
        def on_train_begin(self, training_config: Any, **kwargs: Any) -> None:
            clock.started = time.perf_counter()
            clock.processor.append(time.process_time())

        def on_log(self, training_config: Any, logs: Any, **kwargs: Any) -> None:
            clock.ends.append(time.perf_counter())
            clock.processor.append(time.process_time())

    with tempfile.TemporaryDirectory() as folder, silence():
        config = BaseTrainerConfig(output_dir=folder, num_epochs=epochs, seed=seed, no_cuda=True, **options)
        trainer = BaseTrainer(model, BaseDataset(X, torch.zeros(len(X))), training_config=config, callbacks=[Ends()])
        trainer.train()
    return trainer, clock


def pythae_seconds(
    X: Tensor, hidden: tuple[int, ...], latent_dim: int, batch_size: int, epochs: int, seed: int
) -> list[float]:
    """pythae's AE with the same layers, as its own encoder and decoder classes."""
    with silence():
        from pythae.models import AE, AEConfig
        from pythae.models.base.base_utils import ModelOutput
        from pythae.models.nn import BaseDecoder, BaseEncoder

    width = X.shape[1]

    class Encoder(BaseEncoder):
        def __init__(self) -> None:
            BaseEncoder.__init__(self)
            self.layers = mlp([width, *hidden, latent_dim])

        def forward(self, x: Tensor) -> Any:
            return ModelOutput(embedding=self.layers(x))

    class Decoder(BaseDecoder):
        def __init__(self) -> None:
            BaseDecoder.__init__(self)
            self.layers = mlp([latent_dim, *reversed(hidden), width])

        def forward(self, z: Tensor) -> Any:
            return ModelOutput(reconstruction=self.layers(z))

    torch.manual_seed(seed)
    model = AE(AEConfig(input_dim=(width,), latent_dim=latent_dim), encoder=Encoder(), decoder=Decoder())
    return pythae_train(X, model, epochs, seed, per_device_train_batch_size=batch_size, learning_rate=1e-3)[1].ends


def pyod_seconds(
    X: Tensor, hidden: tuple[int, ...], latent_dim: int, batch_size: int, epochs: int, seed: int, bare: bool
) -> list[float]:
    """PyOD's AutoEncoder with the same layers and batch.

    ``bare`` turns off what its defaults add: batch normalisation, dropout, weight decay and the standardisation of
    every row whenever it is drawn. A ReLU behind the code and dropping the last incomplete batch stay as they are.
    """
    with silence():
        from pyod.models.auto_encoder import AutoEncoder

    ends: list[float] = []

    class Timed(AutoEncoder):
        def epoch_update(self) -> None:
            ends.append(time.perf_counter())

    simpler: dict[str, Any] = {
        "preprocessing": False,
        "optimizer_params": {},
        "batch_norm": False,
        "dropout_rate": 0.0,
    }
    with silence():
        Timed(
            epoch_num=epochs,
            batch_size=batch_size,
            device=torch.device("cpu"),
            random_state=seed,
            verbose=0,
            hidden_neuron_list=[*hidden, latent_dim],
            **(simpler if bare else {}),
        ).fit(X.numpy())
    return ends
