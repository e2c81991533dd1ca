"""The model file: what a fitted model is made of, on disk, for years."""
