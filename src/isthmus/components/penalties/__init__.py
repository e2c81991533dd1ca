"""Penalties: what is added to the reconstruction loss."""
