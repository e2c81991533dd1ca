"""Likelihoods p(x|z): what a decoder's output means."""
