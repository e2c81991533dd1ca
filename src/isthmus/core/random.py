"""Random numbers from one seed, without ever touching a global generator."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from .errors import ParameterError

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)

RandomState = int | np.random.RandomState | np.random.Generator | None


def seed_from(random_state: Any) -> int:
    """One seed in [0, 2^63) from scikit-learn's ``random_state``.

    An integer is itself; a numpy generator is asked for a number; ``None`` takes fresh entropy from the system
    (never numpy's global generator, which belongs to the caller).
    """
    if random_state is None:
        return int(np.random.SeedSequence().generate_state(1, np.uint64)[0] >> np.uint64(1))
    if isinstance(random_state, np.random.RandomState):
        return int(random_state.randint(0, 2**31 - 1))
    if isinstance(random_state, np.random.Generator):
        return int(random_state.integers(0, 2**63 - 1))
    if isinstance(random_state, (int, np.integer)) and not isinstance(random_state, bool) and random_state >= 0:
        return int(random_state) & (2**63 - 1)
    raise ParameterError(
        f"`random_state` must be None, an integer >= 0, or a numpy RandomState or Generator; got {random_state!r}."
    )


def spawn_seeds(seed: int, count: int) -> list[int]:
    """``count`` independent seeds from one."""
    return [int(state >> np.uint64(1)) for state in np.random.SeedSequence(seed).generate_state(count, np.uint64)]


def torch_generator(seed: int, device: torch.device | str = "cpu") -> torch.Generator:
    """A generator of our own on ``device``."""
    generator = torch.Generator(device=device)
    generator.manual_seed(seed)
    return generator


def row_hashes(rows: np.ndarray, seed: int) -> np.ndarray:
    """A 64-bit hash of the content of each row, (n, d) float32 -> (n,) uint64.

    Equal rows get equal hashes wherever they stand; −0.0 counts as 0.0.
    """
    bits = np.ascontiguousarray(rows + np.float32(0), dtype=np.float32).view(np.uint32).astype(np.uint64)
    with np.errstate(over="ignore"):
        positions = _mix(np.arange(1, bits.shape[1] + 1, dtype=np.uint64) * _GOLDEN + np.uint64(seed)) | np.uint64(1)
        # A sum of mixed products: each cell is mixed with its position before it is added.
        cells = _mix(bits + positions) * positions
        return _mix(cells.sum(1, dtype=np.uint64))


def row_noise(rows: np.ndarray, seed: int, samples: int, dim: int) -> np.ndarray:
    """Standard normal noise that depends on a row's content and the seed only.

    Counter-based: uniform numbers from SplitMix64 (Steele, Lea & Flood 2014), made normal by Box & Muller (1958).

    Returns
    -------
    ndarray of float32, shape (samples, n, dim)
    """
    hashes = row_hashes(rows, seed)
    pairs = (dim + 1) // 2
    with np.errstate(over="ignore"):
        counters = np.arange(1, 2 * samples * pairs + 1, dtype=np.uint64) * _GOLDEN
        bits = _mix(hashes[:, None] + counters[None, :])
    uniform = ((bits >> np.uint64(11)).astype(np.float64) + 0.5) * 2.0**-53
    first, second = uniform[:, : samples * pairs], uniform[:, samples * pairs :]
    radius = np.sqrt(-2 * np.log(first))
    normal = np.concatenate([radius * np.cos(2 * np.pi * second), radius * np.sin(2 * np.pi * second)], 1)
    normal = normal.reshape(len(rows), samples, 2 * pairs)[:, :, :dim]
    return np.ascontiguousarray(normal.transpose(1, 0, 2), dtype=np.float32)


def _mix(state: np.ndarray) -> np.ndarray:
    """The finaliser of SplitMix64."""
    state = (state ^ (state >> np.uint64(30))) * _MIX_1
    state = (state ^ (state >> np.uint64(27))) * _MIX_2
    return state ^ (state >> np.uint64(31))
