"""What is done to the rows before the encoder sees them; the target stays the clean row."""
