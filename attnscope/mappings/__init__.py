"""Where attention meets machines: legality, lowering to programs, closed forms."""
