"""attnscope: what does this attention cost on that machine, why, and which mapping would be better?"""

__version__ = "0.1.0"
