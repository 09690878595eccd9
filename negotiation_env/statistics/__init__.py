"""Intervals, agreement between raters, comparisons by scenario, and tables of them."""
