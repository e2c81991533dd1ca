"""The command ``isthmus``: :mod:`~isthmus.cli.main` and one file per command.

Command modules import nothing heavy at their top: help answers before torch would have loaded.
"""
