"""The training loop and what it needs. It imports no model: it trains anything that is :class:`Trainable`."""
