"""Files that survive crashes and refuse damage: atomic writing, the sealed tensor container, the run-folder lock."""
