"""Arrays in, numbers out: reconstruction, probes, clustering and latent diagnostics that can judge anybody's model."""
