"""The live page: formulas written in Python, played with in any browser."""

from optimizers.page.explorer import explore
from optimizers.page.page import Page

__all__ = ["Page", "explore"]
