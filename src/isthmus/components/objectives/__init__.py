"""Objectives: how a forward pass and penalties become a loss."""
