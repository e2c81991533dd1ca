"""The one composition, what it takes by default, and the named recipes."""
