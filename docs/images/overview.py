"""Draws docs/images/overview.png, the picture of the README: `python docs/images/overview.py`."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from sklearn.datasets import load_digits

from isthmus import VAE, Autoencoder

INK = "#1f2430"
COLOURS = ["#4477aa", "#ee6677", "#228833", "#ccbb44", "#66ccee", "#aa3377", "#bb8855", "#777777", "#332288", "#ee8833"]


def mosaic(rows: list[np.ndarray]) -> np.ndarray:
    """Stacks of images, one stack per line, with a little white between them."""
    lines = [np.concatenate([np.pad(image, 1) for image in images], axis=1) for images in rows]
    return np.concatenate(lines, axis=0)


def main() -> None:
    digits = load_digits()
    images, labels = digits.images, digits.target
    eight = Autoencoder(latent_dim=8, schema="images", random_state=0).fit(images[:1350])
    map_of_two = VAE(latent_dim=2, schema="images", random_state=0).fit(images)
    codes = map_of_two.transform(images)

    figure = Figure(figsize=(13, 4.25), facecolor="white")
    FigureCanvasAgg(figure)
    grid = figure.add_gridspec(
        1, 3, width_ratios=[1, 1.05, 1], left=0.005, right=0.995, bottom=0.01, top=0.9, wspace=0.04
    )
    titles = ("Sixty-four pixels through eight numbers", "A map of two", "Morphs between digits nobody wrote")
    axes = [figure.add_subplot(cell) for cell in grid]
    for axis, title in zip(axes, titles, strict=True):
        axis.set_title(title, fontsize=13, color=INK, pad=10)
        axis.set_axis_off()

    held_out = images[1350:]
    shown = [held_out[start : start + 9] for start in (0, 9, 18, 27)]
    pairs = [line for stack in shown for line in (stack, eight.reconstruct(stack))]
    axes[0].imshow(mosaic(pairs), cmap="gray_r", vmin=0, vmax=16, interpolation="nearest")

    for digit in range(10):
        chosen = codes[labels == digit]
        axes[1].scatter(*chosen.T, s=5, color=COLOURS[digit], linewidths=0)
        plate = {"boxstyle": "circle,pad=0.15", "facecolor": "white", "edgecolor": "none", "alpha": 0.75}
        style = {"fontsize": 17, "weight": "bold", "color": INK, "ha": "center", "va": "center"}
        axes[1].text(*np.median(chosen, axis=0), str(digit), bbox=plate, **style)

    drawn = eight.sample(16, random_state=4)
    strips = [eight.interpolate(drawn[2 * line], drawn[2 * line + 1], steps=9) for line in range(8)]
    axes[2].imshow(mosaic(strips), cmap="gray_r", vmin=0, vmax=16, interpolation="nearest")
    figure.savefig(Path(__file__).with_suffix(".png"), dpi=110)


if __name__ == "__main__":
    main()
