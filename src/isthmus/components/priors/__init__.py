"""Priors p(z), and the densities fitted to codes after training."""
