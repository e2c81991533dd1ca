"""Tables of mixed columns: what generated rows share with real ones, and what they give away."""
