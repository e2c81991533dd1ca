"""Digits on request: a VAE that is told which digit it sees writes every digit in the hand of one.

The label is a condition: encoder and decoder know it, so that the code is left with the handwriting. Writes
conditional_digits.png. Plotting needs ``pip install 'isthmus[plots]'``.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.neighbors import KNeighborsClassifier

import isthmus

LABEL = 64  # the column of the label: conditions stand beside the pixels
digits, labels = load_digits(return_X_y=True)
train, test = train_test_split(np.column_stack([digits, labels]), test_size=0.25, random_state=0)

model = isthmus.recipe("conditional-vae", latent_dim=6, schema={LABEL: "condition"}, max_epochs=40, random_state=0)
model.fit(train)

# Drawn from scratch, for a digit that is asked for.
asked = np.repeat(np.arange(10), 50)
drawn = model.sample(len(asked), given={LABEL: asked}, random_state=0)
judge = KNeighborsClassifier(3).fit(test[:, :LABEL], test[:, LABEL])
print(f"drawn digits recognised as what was asked for: {np.mean(judge.predict(drawn[:, :LABEL]) == asked):.0%}")

# The code of one digit, decoded as all ten.
writers = test[[0, 3, 7, 10]]
hands = [
    model.inverse_transform(np.repeat(code[None], 10, axis=0), {LABEL: np.arange(10)})
    for code in model.transform(writers)
]

figure, panels = plt.subplots(len(writers), 11, figsize=(10, 3.8), layout="constrained")
for line, writer, hand in zip(panels, writers, hands, strict=True):
    for panel, row in zip(line, [writer, *hand], strict=True):
        panel.imshow(row[:LABEL].reshape(8, 8), cmap="gray_r", vmin=0, vmax=16)
        panel.set(xticks=[], yticks=[])
        panel.spines[:].set_visible(panel is line[0])
panels[0, 0].set_title("seen", fontsize=9)
for digit, panel in enumerate(panels[0, 1:]):
    panel.set_title(f"as a {digit}", fontsize=9)
figure.savefig("conditional_digits.png", dpi=120)
