"""What every layer stands on: specs, the registry, batches, blocks, loss terms, errors, random numbers."""
