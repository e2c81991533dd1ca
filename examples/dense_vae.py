"""The textbook's dense VAE, drawn: 6 inputs, hidden layers of 5, 5 and 4 ReLU units, 2 codes, and back.

Writes dense_vae.svg. Drawing needs ``pip install 'isthmus[plots]'``.
"""

from pathlib import Path

from sklearn.datasets import load_breast_cancer

from isthmus import MLP, VAE
from isthmus.report.diagram import architecture_svg, architecture_table

X = load_breast_cancer().data[:, [0, 1, 2, 3, 5, 6]]  # radius, texture, perimeter, area, compactness, concavity
model = VAE(latent_dim=2, network=MLP(hidden=(5, 5, 4), activation="relu"), max_epochs=60, random_state=0).fit(X)
print(architecture_table(model.architecture_))
print(f"\n{model.active_units_} of 2 codes in use, {model.score(X):.2f} nats per row")
Path("dense_vae.svg").write_text(architecture_svg(model.architecture_, "A dense VAE") + "\n", encoding="utf-8")
