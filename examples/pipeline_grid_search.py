"""A VAE as a step of a scikit-learn pipeline, its parts and numbers searched together with the classifier's.

Nested parameters go as deep as the parts do: ``vae__network__hidden`` is the ``hidden`` of the network of the step
``vae``. Specs are values, so the candidates of a search never share a network.
"""

from sklearn.datasets import load_wine
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from isthmus import MLP, VAE

X_train, X_test, y_train, y_test = train_test_split(
    *load_wine(return_X_y=True), test_size=0.3, stratify=load_wine().target, random_state=0
)

pipeline = Pipeline(
    [
        # `network` must be a spec, not "auto", for its parameters to be searched.
        ("vae", VAE(network=MLP(hidden=(32,)), max_epochs=30, patience=None, random_state=0)),
        ("scale", StandardScaler()),
        ("classifier", LogisticRegression(max_iter=1000)),
    ]
)
search = GridSearchCV(
    pipeline,
    {"vae__latent_dim": [2, 6], "vae__network__hidden": [(32,), (64, 32)]},
    cv=3,
    n_jobs=1,  # -1 uses every core; candidates are then fitted in processes of their own
)
search.fit(X_train, y_train)

for parameters, mean in zip(search.cv_results_["params"], search.cv_results_["mean_test_score"], strict=True):
    print(f"{mean:.3f}  {parameters}")
print(f"\nbest: {search.best_params_}")
print(f"held-out accuracy with {search.best_params_['vae__latent_dim']} codes: {search.score(X_test, y_test):.3f}")

plain = Pipeline([("scale", StandardScaler()), ("classifier", LogisticRegression(max_iter=1000))]).fit(X_train, y_train)
print(f"held-out accuracy with all 13 columns: {plain.score(X_test, y_test):.3f}")
