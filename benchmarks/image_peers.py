"""Convolutional networks as each contender wants them: by hand, as pythae's classes, and of Isthmus' own layers."""

from __future__ import annotations

import itertools
import math
import time
from typing import Any

import peers
import torch
from torch import Tensor, nn

KERNEL, STRIDE, PADDING = 4, 2, 1


def plain_encoder(side: int, channels: tuple[int, ...], hidden: int, outputs: int) -> nn.Sequential:
    """Images (n, 1, side, side) -> (n, outputs): strided convolutions, one fully connected layer, ReLU."""
    layers: list[nn.Module] = []
    for before, after in itertools.pairwise((1, *channels)):
        layers += [nn.Conv2d(before, after, KERNEL, STRIDE, PADDING), nn.ReLU()]
    last = channels[-1] * (side // STRIDE ** len(channels)) ** 2
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(last, hidden), nn.ReLU(), nn.Linear(hidden, outputs))


def plain_decoder(side: int, channels: tuple[int, ...], hidden: int, codes: int) -> nn.Sequential:
    """Codes (n, codes) -> images (n, 1, side, side) in [0, 1]: the mirror, with transposed convolutions."""
    smallest = side // STRIDE ** len(channels)
    first = (channels[-1], smallest, smallest)
    layers: list[nn.Module] = [nn.Linear(codes, hidden), nn.ReLU(), nn.Linear(hidden, math.prod(first)), nn.ReLU()]
    layers.append(nn.Unflatten(1, first))
    for before, after in itertools.pairwise((*reversed(channels), 1)):
        layers += [nn.ConvTranspose2d(before, after, KERNEL, STRIDE, PADDING), nn.ReLU()]
    return nn.Sequential(*layers[:-1], nn.Sigmoid())


def by_hand_vae_seconds(
    images: Tensor, encoder: nn.Module, decoder: nn.Module, batch_size: int, epochs: int, seed: int
) -> list[float]:
    """Processor time at the end of each epoch of a hand-written loop in channels-last format, with fused Adam.

    The loss is that of a VAE whose likelihood is a Gaussian with σ = 1.
    """
    generator = torch.Generator().manual_seed(seed)
    images = images.to(memory_format=torch.channels_last)
    encoder, decoder = (network.to(memory_format=torch.channels_last) for network in (encoder, decoder))
    optimiser = torch.optim.Adam([*encoder.parameters(), *decoder.parameters()], lr=1e-3, fused=True)
    clock = []
    for _ in range(epochs):
        order = torch.randperm(len(images), generator=generator)
        running = torch.zeros(())
        for start in range(0, len(images), batch_size):
            batch = images.index_select(0, order[start : start + batch_size])
            mean, log_variance = encoder(batch).chunk(2, 1)
            code = mean + (0.5 * log_variance).exp() * torch.randn(mean.shape, generator=generator)
            loss = 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).sum()
            loss = (loss + 0.5 * (decoder(code) - batch).square().sum()) / len(batch)
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            optimiser.step()
            running += loss.detach()
        float(running)
        clock.append(time.process_time())
    return clock


def pythae_model(encoder: nn.Module, decoder: nn.Module, shape: tuple[int, ...], codes: int, vae: bool) -> Any:
    """pythae's AE or VAE around two networks; a VAE's encoder gives the means and the log-variances beside them."""
    with peers.silence():
        from pythae.models import AE, VAE, AEConfig, VAEConfig
        from pythae.models.base.base_utils import ModelOutput
        from pythae.models.nn import BaseDecoder, BaseEncoder

    class Encoder(BaseEncoder):
        def __init__(self) -> None:
            BaseEncoder.__init__(self)
            self.layers = encoder

        def forward(self, x: Tensor) -> Any:
            found = self.layers(x)
            if not vae:
                return ModelOutput(embedding=found)
            mean, log_variance = found.chunk(2, 1)
            return ModelOutput(embedding=mean, log_covariance=log_variance)

    class Decoder(BaseDecoder):
        def __init__(self) -> None:
            BaseDecoder.__init__(self)
            self.layers = decoder

        def forward(self, z: Tensor) -> Any:
            return ModelOutput(reconstruction=self.layers(z))

    config = (VAEConfig if vae else AEConfig)(input_dim=shape, latent_dim=codes)
    return (VAE if vae else AE)(config, encoder=Encoder(), decoder=Decoder())
