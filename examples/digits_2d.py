"""A map of handwritten digits in two dimensions, beside that of principal component analysis.

Writes digits_2d.png. Plotting needs ``pip install 'isthmus[plots]'``.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.model_selection import train_test_split
from sklearn.neighbors import KNeighborsClassifier

from isthmus import VAE

train, test, train_digits, test_digits = train_test_split(*load_digits(return_X_y=True), test_size=0.25, random_state=0)

vae = VAE(latent_dim=2, max_epochs=80, random_state=0).fit(train)
pca = PCA(n_components=2, random_state=0).fit(train)

figure, panels = plt.subplots(1, 2, figsize=(11, 5.2), layout="constrained")
for panel, (name, model) in zip(panels, {"PCA": pca, "VAE": vae}.items(), strict=True):
    codes, reconstructed = model.transform(test), model.inverse_transform(model.transform(test))
    error = np.mean(np.sum((test - reconstructed) ** 2, axis=1))
    neighbours = KNeighborsClassifier(n_neighbors=10).fit(model.transform(train), train_digits)
    accuracy = neighbours.score(codes, test_digits)
    print(f"{name:4} held-out squared error {error:4.0f}, digit guessed from 10 neighbours {accuracy:.0%}")
    for digit in range(10):
        chosen = codes[test_digits == digit]
        panel.scatter(*chosen.T, s=14, color=plt.cm.tab10(digit), alpha=0.6, linewidths=0)
    for digit in range(10):
        x, y = np.median(codes[test_digits == digit], axis=0)
        badge = {"boxstyle": "circle,pad=0.15", "facecolor": "white", "edgecolor": plt.cm.tab10(digit)}
        panel.text(x, y, str(digit), fontsize=11, ha="center", va="center", bbox=badge)
    panel.set_title(f"{name}: squared error {error:.0f}, {accuracy:.0%} right")
    panel.set(xticks=[], yticks=[])
    panel.spines[:].set_visible(False)
figure.savefig("digits_2d.png", dpi=120)
