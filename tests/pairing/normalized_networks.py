"""Networks with normalization, blocks and skips, in torch."""

from __future__ import annotations

from of_torch import Net, nn, relu
from plain_networks import IMAGE, VECTOR, C, L, chain, named, through
from with_torch import torch

F = torch.nn.functional


class Rms(nn.Module):
    def __init__(self, n):
        super().__init__()
        self.weight = nn.Parameter(torch.rand(n) + 0.5)

    def forward(self, x):
        return self.weight * x / (x.square().mean(-1, keepdim=True) + 1e-6).sqrt()


def basic(a, b, norm=nn.BatchNorm2d, pre=False):
    """The block of a residual network, with a convolution on its skip where the width changes."""

    def way(net, x):
        if pre:
            x = relu(net.bn1(x))
            h = net.conv2(relu(net.bn2(net.conv1(x))))
        else:
            h = net.bn2(net.conv2(relu(net.bn1(net.conv1(x)))))
        skip = net.get_submodule("downsample")(x) if a != b else x
        return (lambda z: z if pre else relu(z))(h + skip)

    convs = [C(a, b, 3, padding=1, bias=False), C(b, b, 3, padding=1, bias=False)]
    modules = {"conv1": convs[0], "bn1": norm(b), "conv2": convs[1], "bn2": norm(b)}
    if pre:
        modules = {"bn1": norm(a), "conv1": convs[0], "bn2": norm(b), "conv2": convs[1]}
    if a != b:
        modules["downsample"] = C(a, b, 1) if pre else chain(C(a, b, 1), norm(b))
    return Net(way, **modules)


def residual(block):
    return named(
        lambda net, x: net.fc(net.layer2(net.layer1(relu(net.bn1(net.conv1(x))))).mean((2, 3))),
        conv1=C(2, 4, 3), bn1=nn.BatchNorm2d(4), layer1=chain(block(4, 4), block(4, 4)),
        layer2=chain(block(4, 6), block(6, 6)), fc=L(6, 3),
    )  # fmt: skip


def identity(_):
    return nn.Identity()


def bare(a, b):
    return basic(a, b, norm=identity)


def mlp_blocks():
    """x + fc2(φ(fc1(x))), of equal widths throughout."""
    return named(
        lambda net, x: net.out(net.blocks(net.inp(x))), inp=L(6, 6),
        blocks=chain(*[Net(lambda net, x: x + net.fc2(relu(net.fc1(x))), fc1=L(6, 6), fc2=L(6, 6))
                       for _ in range(2)]), out=L(6, 3),
    )  # fmt: skip


def transformer(*, norm_first):
    layer = nn.TransformerEncoderLayer(6, 2, 10, 0.0, norm_first=norm_first, batch_first=True)
    return named(
        lambda net, x: net.fc(net.encoder(x[:, None, :] * torch.ones(1, 4, 1)).mean(1)),
        encoder=nn.TransformerEncoder(layer, 2, enable_nested_tensor=False), fc=L(6, 3),
    )  # fmt: skip


def vision(norm=nn.LayerNorm):
    def block():
        return Net(
            lambda net, x: (lambda h: h + net.mlp(net.norm2(h)))(
                x + net.attn["proj"](net.attn["qkv"](net.norm1(x))[..., :6].softmax(-1))),
            norm1=norm(6), attn=nn.ModuleDict({"qkv": L(6, 18), "proj": L(6, 6)}), norm2=norm(6),
            mlp=named(through("fc1", "fc2"), fc1=L(6, 9), fc2=L(9, 6)),
        )  # fmt: skip

    return named(lambda net, x: net.head(net.norm(net.blocks(net.embed(x)))), embed=L(6, 6),
                 blocks=chain(block(), block()), norm=norm(6), head=L(6, 3))  # fmt: skip


def post_norm():
    """Normalizations behind the sums, which the skips take."""
    return named(
        lambda net, x: net.head(net.blocks(x)),
        blocks=chain(*[Net(
            lambda net, x: (lambda h: net.ln2(h + net.ff2(relu(net.ff1(h)))))(
                net.ln1(x + net.mix(x))), mix=L(6, 6), ln1=nn.LayerNorm(6), ff1=L(6, 9),
            ff2=L(9, 6), ln2=nn.LayerNorm(6)) for _ in range(2)]), head=L(6, 3),
    )  # fmt: skip


def generator():
    """Transposed convolutions without biases, told by the normalizations behind them."""
    return chain(nn.Unflatten(1, (6, 1, 1)), nn.ConvTranspose2d(6, 8, 3, bias=False),
                 nn.BatchNorm2d(8), nn.ReLU(), nn.ConvTranspose2d(8, 4, 4, 2, 1, bias=False),
                 nn.BatchNorm2d(4), nn.ReLU(), nn.ConvTranspose2d(4, 1, 4, 2, 1, bias=False),
                 nn.Flatten())  # fmt: skip


def lists_of_norms():
    return named(
        lambda net, x: net.out(relu(net.bns[1](net.convs[1](relu(net.bns[0](net.convs[0](x))))))),
        convs=nn.ModuleList([L(6, 8), L(8, 8)]), bns=nn.ModuleList([nn.BatchNorm1d(8)] * 1
        + [nn.BatchNorm1d(8)]), out=L(8, 3),
    )  # fmt: skip


def defined_apart():
    """Its normalizations are defined behind all that they stand between."""
    return named(
        lambda net, x: net.fc3(relu(net.fc2(relu(net.bn2(net.fc1(relu(net.bn1(net.fc0(x)))))))))
        , fc0=L(6, 8), fc1=L(8, 7), fc2=L(7, 5), bn1=nn.BatchNorm1d(8), bn2=nn.BatchNorm1d(7),
        fc3=L(5, 3),
    )  # fmt: skip


def as_keras_names():
    """Two residual blocks, the first with a convolution on its skip, which comes first."""

    def way(net, x):
        for block in ("conv3_block1", "conv3_block2"):
            part = {name.removeprefix(f"{block}_"): each for name, each in net.named_children()}
            h = relu(part["1_bn"](part["1_conv"](x)))
            h = part["2_bn"](part["2_conv"](h))
            x = relu(h + (part["0_bn"](part["0_conv"](x)) if "0_bn" in part else x))
        return net.fc(x.mean((2, 3)))

    sizes = {"conv3_block1_0": (2, 8), "conv3_block1_1": (2, 4), "conv3_block1_2": (4, 8),
             "conv3_block2_1": (8, 4), "conv3_block2_2": (4, 8)}  # fmt: skip
    parts = {}
    for name, (a, b) in sizes.items():
        parts |= {f"{name}_conv": C(a, b, 3, padding=1), f"{name}_bn": nn.BatchNorm2d(b)}
    return named(way, **parts, fc=L(8, 3))


PER_BLOCK = ["layer1.0.bn1 > layer1.0.conv2", "layer1.1.bn1 > layer1.1.conv2",
             "layer2.0.bn1 > layer2.0.conv2", "layer2.1.bn1 > layer2.1.conv2"]  # fmt: skip
LINEAR = [f"encoder.layers.{i}.linear1 > encoder.layers.{i}.linear2" for i in range(2)]

NORMALIZED = {
    "blocks": (mlp_blocks, VECTOR, ["blocks.0.fc1 > blocks.0.fc2", "blocks.1.fc1 > blocks.1.fc2"]),
    "normalized": (
        lambda: chain(C(2, 4, 3), nn.BatchNorm2d(4, eps=1e-2), nn.ReLU(), C(4, 5, 3),
                      nn.GroupNorm(1, 5), nn.ReLU(), nn.Flatten(), L(5 * 64, 6), nn.LayerNorm(6),
                      nn.ReLU(), L(6, 5), nn.ReLU(), L(5, 3)), IMAGE,
        ["1 > 3", "4 > 7", "8 > 10", "10 > 12"],
    ),
    "no scales": (
        lambda: chain(L(6, 8), nn.BatchNorm1d(8, affine=False), nn.ReLU(), L(8, 5), nn.ReLU(),
                      L(5, 3)), VECTOR, ["3 > 5"],
    ),
    "residual": (lambda: residual(basic), IMAGE, PER_BLOCK),
    "residual without normalization": (
        lambda: residual(bare), IMAGE, [each.replace("bn1", "conv1") for each in PER_BLOCK],
    ),
    "normalized first": (
        lambda: residual(lambda a, b: basic(a, b, pre=True)), IMAGE,
        [each.replace("bn1", "bn2") for each in PER_BLOCK],
    ),
    "transformer": (lambda: transformer(norm_first=False), VECTOR, LINEAR),
    "transformer, normalized first": (lambda: transformer(norm_first=True), VECTOR, LINEAR),
    "vision": (vision, VECTOR, ["blocks.0.mlp.fc1 > blocks.0.mlp.fc2",
                                "blocks.1.mlp.fc1 > blocks.1.mlp.fc2", "norm > head"]),
    "vision, root mean square": (
        lambda: vision(Rms), VECTOR, ["blocks.0.mlp.fc1 > blocks.0.mlp.fc2",
                                      "blocks.1.mlp.fc1 > blocks.1.mlp.fc2", "norm > head"],
    ),
    "normalized behind": (post_norm, VECTOR, ["blocks.0.ff1 > blocks.0.ff2",
                                              "blocks.1.ff1 > blocks.1.ff2"]),
    "as keras names": (
        as_keras_names, IMAGE, ["conv3_block1_1_bn > conv3_block1_2_conv",
                                "conv3_block2_1_bn > conv3_block2_2_conv"],
    ),
    "generator": (generator, VECTOR, ["2 > 4"]),
    "lists": (lists_of_norms, VECTOR, []),
    "defined apart": (defined_apart, VECTOR, ["fc2 > fc3"]),
}  # fmt: skip
"""What makes one, the shape of its inputs, and the joints that its file tells."""
