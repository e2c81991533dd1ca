"""Summarise → render: a fitted model in plain numbers, in diagrams, and as one self-contained HTML page.

``summarise.py`` turns estimators and data into a :class:`~isthmus.report.summary.Summary` (numbers and arrays only);
``html.py`` renders a summary and never sees an estimator. What reaches the page is escaped by the templates'
environment (``templating.py``), and nothing on the page asks for anything outside it.
"""
