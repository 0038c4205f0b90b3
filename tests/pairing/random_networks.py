"""Random networks in torch: bodies, blocks, heads; of few widths, so that sizes meet by chance."""

from __future__ import annotations

from itertools import pairwise

from of_torch import Net, nn, relu
from plain_networks import C, L
from with_torch import torch

SIDE = 4


class Draw:
    """Parts of one network; rng: random.Random, which decides all."""

    def __init__(self, rng):
        self.rng = rng

    def widths(self, first, most=3, last=None):
        more = [self.rng.choice([2, 3, 4, 6, 8]) for _ in range(self.rng.randint(1, most))]
        return [first, *more, *([] if last is None else [last])]

    def kernel(self, a, b):
        groups = [g for g in (2, 3, 4, 6, 8) if a % g == b % g == 0]
        g = self.rng.choice([1, 1, *groups])
        k = self.rng.choice([1, 3])
        return C(a, b, k, padding=k // 2, groups=g, bias=self.rng.random() < 0.6)

    def row(self, widths, *, grid=False, is_open=True, norms=0.3):
        """One after another: a Sequential, one within another, or named; ReLU last where open."""
        parts, rng = [], self.rng
        for a, b in pairwise(widths):
            norm = nn.BatchNorm2d if grid else rng.choice([nn.BatchNorm1d, nn.LayerNorm])
            parts.append([self.kernel(a, b) if grid else L(a, b)])
            parts[-1] += [norm(b)] if rng.random() < norms else []
        if not is_open:
            del parts[-1][1:]
        kind = rng.choice(["flat", "nested", "named"])
        if kind == "nested":
            inner = [nn.Sequential(*part, nn.ReLU()) for part in parts]
            return nn.Sequential(*(inner if is_open else [*inner[:-1], *parts[-1]]))
        if kind == "flat":
            found = [each for part in parts for each in (*part, nn.ReLU())]
            return nn.Sequential(*(found if is_open else found[:-1]))
        stem = "conv" if grid else rng.choice(["fc", "linear", "layer", "l_"])

        def way(net, x):
            for i, part in enumerate(parts, 1):
                x = net.get_submodule(f"{stem}{i}")(x)
                x = net.get_submodule(f"bn{i}")(x) if len(part) > 1 else x
                x = relu(x) if is_open or i < len(parts) else x
            return x

        named = {f"{name}{i}": each for i, part in enumerate(parts, 1)
                 for name, each in zip((stem, "bn"), part, strict=False)}  # fmt: skip
        if rng.random() < 0.3:  # normalizations defined behind all layers
            named = dict(sorted(named.items(), key=lambda each: each[0].startswith("bn")))
        return Net(way, **named)

    def blocks(self, a):
        """Residual ones, normalized first, within or not at all."""
        rng, w = self.rng, self.rng.choice([4, 6])
        names = rng.choice([("fc1", "fc2"), ("linear1", "linear2"), ("wi", "wo"), ("a", "b")])
        side = rng.choice(["first", "within", "not"])

        def block():
            h = rng.choice([4, 6, 8])
            parts = {names[0]: L(w, h), names[1]: L(h, w)}
            if side == "first":
                parts = {"norm1": nn.LayerNorm(w), **parts}
            if side == "within":
                parts = {names[0]: L(w, h), "norm1": nn.BatchNorm1d(h), names[1]: L(h, w)}

            def way(net, x):
                h = net.norm1(x) if side == "first" else x
                h = net.get_submodule(names[0])(h)
                h = net.norm1(h) if side == "within" else h
                return x + net.get_submodule(names[1])(relu(h))

            return Net(way, **parts)

        return nn.Sequential(L(a, w), block(), block()), w


def network(rng):
    """(a network, its inputs): a body, and behind it one head or more, side by side or in a row."""
    draw, inputs = Draw(rng), rng.choice([2, 3, 4, 8])
    grid = rng.random() < 0.5
    if not grid and rng.random() < 0.3:
        body, w = draw.blocks(inputs)
    else:
        widths = draw.widths(inputs)
        body, w = draw.row(widths, grid=grid), widths[-1]
    wide = grid and rng.random() < 0.5
    w = w * SIDE**2 if wide else w
    kind = rng.choice(["row", "fork", "sum", "side by side"])
    names = rng.choice([("head1", "head2", "head3"), ("policy", "value", "aux"),
                        ("fc_a", "fc_b", "fc_c"), ("left", "right", "mid"), ("mu", "logvar", "z"),
                        ("decoder", "classifier", "regressor")])  # fmt: skip
    heads, last = {}, w
    for name in names[: rng.choice([1, 2, 3])]:
        out = 5 if kind == "sum" else rng.choice([3, 4, 6, 8])
        first = last if kind == "row" else w
        whole = draw.row([first, *draw.widths(first, 1)[1:], out], is_open=False)
        heads[name] = rng.choice([L(first, out), whole])
        last = out if kind == "row" else last + out
    name = rng.choice(["trunk", "encoder", "features", "backbone", "body"])
    end = {} if kind in ("row", "fork") else {"out": L(5 if kind == "sum" else last - w, 3)}

    def way(net, x):
        h = net.get_submodule(name)(x)
        h = relu((h.flatten(1) if wide else h.mean((2, 3))) if grid else h)
        found = []
        for head in heads:
            found.append(net.get_submodule(head)(relu(found[-1]) if found and kind == "row" else h))
        if kind == "row":
            return found[-1]
        if kind == "sum":
            return net.out(relu(sum(found)))
        return net.out(relu(torch.cat(found, 1))) if end else torch.cat(found, 1)

    net = Net(way, **{name: body}, **heads, **end).double()
    shape = (9, inputs, SIDE, SIDE) if grid else (9, inputs)
    return net, torch.randn(shape, dtype=torch.float64)
