"""Digits under noise, cleaned by a bottleneck that was trained on clean ones.

What does not fit through the bottleneck is lost, and noise does not fit. Writes denoise_digits.png. Plotting needs
``pip install 'isthmus[plots]'``.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from isthmus import VAE

train, test = train_test_split(load_digits().images.reshape(-1, 64), test_size=0.25, random_state=0)
noise = np.random.default_rng(0).normal(scale=5.0, size=test.shape)
noisy = np.clip(test + noise, 0, 16)

# A VAE's decoder was trained on noisy codes: it takes a code that noise has moved better than a plain autoencoder's.
model = VAE(latent_dim=12, max_epochs=30, random_state=0).fit(train)
cleaned = model.denoise(noisy)


def error(images: np.ndarray) -> float:
    """Root mean squared error per pixel against the clean digits, in grey levels from 0 to 16."""
    return float(np.sqrt(np.mean((images - test) ** 2)))


print(f"error per pixel: noisy {error(noisy):.2f}, cleaned {error(cleaned):.2f}")
print(f"the bottleneck costs clean digits: {error(model.reconstruct(test)):.2f}")

figure, panels = plt.subplots(3, 10, figsize=(10, 3.4), layout="constrained")
rows = {"clean": test, "noisy": noisy, "cleaned": cleaned}
for line, (name, images) in zip(panels, rows.items(), strict=True):
    for panel, image in zip(line, images, strict=False):
        panel.imshow(image.reshape(8, 8), cmap="gray_r", vmin=0, vmax=16)
        panel.set(xticks=[], yticks=[])
        panel.spines[:].set_visible(False)
    line[0].set_ylabel(name)
figure.savefig("denoise_digits.png", dpi=120)
