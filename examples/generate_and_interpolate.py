"""New digits from a VAE, and the way from one digit to another.

Writes generate_and_interpolate.png. Plotting needs ``pip install 'isthmus[plots]'``.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits

from isthmus import VAE

digits = load_digits()
images = np.round(digits.images * (255 / 16)).astype(np.uint8)  # uint8 of shape (n, 8, 8): taken for images

model = VAE(latent_dim=8, max_epochs=30, random_state=0).fit(images)
print(f"codes: {model.active_units_} of {model.latent_dim_} active, density {model.density_spec_}")

# Between two typical digits: of each, the one whose score is the median of its kind.
ends = []
for digit in (3, 6):
    kind = images[digits.target == digit]
    ends.append(kind[np.argsort(model.score_samples(kind))[len(kind) // 2]])

strips = {
    "from the density": model.sample(12, random_state=0),
    "from the prior": model.sample(12, prior=True, random_state=0),
    "linear path": model.interpolate(ends[0], ends[1], steps=12),
    "spherical path": model.interpolate(ends[0], ends[1], steps=12, path="spherical"),
}

figure, panels = plt.subplots(len(strips), 12, figsize=(12, 4.6), layout="constrained")
for line, (name, strip) in zip(panels, strips.items(), strict=True):
    for panel, image in zip(line, strip, strict=True):
        panel.imshow(image, cmap="gray_r", vmin=0, vmax=255)
        panel.set(xticks=[], yticks=[])
        panel.spines[:].set_visible(False)
    line[0].set_ylabel(name.replace(" ", "\n", 1), rotation=0, ha="right", va="center")
figure.savefig("generate_and_interpolate.png", dpi=120)
print(f"{strips['from the density'].shape} new images of type {strips['from the density'].dtype}")
