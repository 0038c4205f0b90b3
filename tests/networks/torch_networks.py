"""The same networks in torch, for its autograd."""

from __future__ import annotations

import numpy as np
from with_torch import torch

from mfact.core import Array
from mfact.networks.architecture import Architecture
from mfact.networks.layers import Conv, Dense, Flatten, Pool

F = torch.nn.functional

ACTIVATIONS = {
    "linear": lambda z: z, "ReLU": torch.relu, "square": torch.square, "tanh": torch.tanh,
    "sigmoid": torch.sigmoid, "gelu": F.gelu, "silu": F.silu, "elu": F.elu,
    "softplus": F.softplus, "relu6": F.relu6,
}  # fmt: skip


def outputs(net: Architecture, parts, X):
    """f, m×p."""
    left = iter(parts)
    h = X.reshape(len(X), *net.given)
    for stage in net.stages:
        layer = stage.layer
        W = next(left) if stage.is_weighted else None
        b = next(left) if layer.biases() else None
        if isinstance(layer, Dense):
            if layer.share is not None:
                W = torch.cat([torch.zeros(1, dtype=W.dtype), W])[torch.tensor(layer.share)]
            if layer.mask is not None:
                W = W * torch.tensor(layer.mask, dtype=W.dtype)
            h = F.linear(h, W, b)
        elif isinstance(layer, Conv):
            h = F.conv2d(h, W, b, layer.stride, layer.padding)
        elif isinstance(layer, Pool):
            pool = F.max_pool2d if layer.kind == "max" else F.avg_pool2d
            h = pool(h, layer.size)
        elif isinstance(layer, Flatten):
            h = h.flatten(1)
        slope = getattr(layer.activation, "slope", None)
        if isinstance(slope, float):
            h = F.leaky_relu(h, slope)
        else:
            h = ACTIVATIONS[layer.activation.name](h)
    return h


def loss(name: str, f, Y):
    """The mean over points."""
    if name == "squared":
        return 0.5 * torch.sum((f - Y) ** 2) / len(f)
    if name == "logistic":
        return F.softplus(-Y * f, threshold=1000).sum() / len(f)
    return F.cross_entropy(f, Y)


def evaluated(net: Architecture, name: str, weights, X: Array, Y: Array):
    """L, Σ⟨f, ∂ℓ/∂f⟩/m, and ∂L/∂weights as arrays."""
    parts = [torch.tensor(W, requires_grad=True) for W in weights]
    f = outputs(net, parts, torch.tensor(X))
    f.retain_grad()
    L = loss(name, f, torch.tensor(Y))
    L.backward()
    output = float((f.detach() * f.grad).sum())
    zero = [np.zeros(part.shape) if part.grad is None else part.grad.numpy() for part in parts]
    return L.item(), output, zero
