"""Graph and weights in, graph and weights out: one module for each pass."""
