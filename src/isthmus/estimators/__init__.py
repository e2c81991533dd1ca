"""scikit-learn estimators: the face of the library."""
