"""Networks: what turns features into latent parameters, and codes into likelihood parameters."""
