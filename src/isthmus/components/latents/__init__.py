"""Latents: what an encoder's output means, q(z|x)."""
