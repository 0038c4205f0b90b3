"""Weights of networks that were trained elsewhere: named tensors, and the files that hold them."""
