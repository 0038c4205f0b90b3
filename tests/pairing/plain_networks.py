"""Networks of which each layer feeds the next, in torch, and the joints that they have."""

from __future__ import annotations

from collections import OrderedDict

from of_torch import Net, nn, relu
from with_torch import torch

F = torch.nn.functional
L, C = nn.Linear, nn.Conv2d


def chain(*modules):
    return nn.Sequential(*modules)


def named(way, **modules):
    return Net(way, **modules)


def through(*names, last=None):
    """Each of the modules, a ReLU between, and a flatten before the first linear layer."""

    def way(net, x):
        for name in names:
            module = net.get_submodule(name)
            x = x.flatten(1) if isinstance(module, L) and x.ndim > 2 else x
            x = module(x)
            x = x if name == names[-1] else relu(x)
        return x

    return way


def convolution():
    return named(
        lambda net, x: net.fc2(relu(net.fc1(F.avg_pool2d(relu(net.conv2(
            F.max_pool2d(relu(net.conv1(x)), 2))), 2).flatten(1)))),
        conv1=C(2, 5, 3, padding=1), conv2=C(5, 6, 3, stride=1), fc1=L(6 * 4, 7), fc2=L(7, 3),
    )  # fmt: skip


def vgg():
    return named(
        lambda net, x: net.classifier(net.features(x).flatten(1)),
        features=chain(C(2, 4, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), C(4, 5, 3, padding=1),
                       nn.ReLU(), nn.MaxPool2d(2)),
        classifier=chain(L(5 * 9, 8), nn.ReLU(), nn.Dropout(0.0), L(8, 6), nn.ReLU(), L(6, 3)),
    )  # fmt: skip


def mobile():
    """Depthwise, in groups, and with more outputs than inputs in each group."""
    return chain(
        C(2, 6, 3), nn.ReLU(), C(6, 12, 3, groups=6), nn.LeakyReLU(0.2), C(12, 8, 1, bias=False),
        nn.ReLU(), C(8, 4, 3, groups=4), nn.ReLU(), C(4, 8, 3, groups=2, bias=False), nn.ReLU(),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), L(8, 3),
    )  # fmt: skip


def line():
    return chain(nn.Conv1d(2, 4, 3), nn.PReLU(), nn.Conv1d(4, 5, 3), nn.PReLU(), nn.Flatten(),
                 L(5 * 8, 3))  # fmt: skip


def series(width):
    """layers.0.linear, layers.1.linear, …, all of one width."""
    blocks = [nn.Sequential(OrderedDict(linear=L(width, width), act=nn.ReLU())) for _ in range(3)]
    return named(lambda net, x: net.layers(x), layers=nn.Sequential(*blocks))


def decoder():
    """Transposed convolutions, by their names."""
    return named(
        lambda net, x: net.out(relu(net.deconv2(relu(net.deconv1(x))))),
        deconv1=nn.ConvTranspose2d(2, 6, 3),
        deconv2=nn.ConvTranspose2d(6, 4, 2, stride=2, groups=2), out=C(4, 3, 3),
    )  # fmt: skip


IMAGE, VECTOR, LINE = (5, 2, 12, 12), (9, 6), (5, 2, 12)

PLAIN = {
    "mlp": (lambda: chain(L(6, 8), nn.ReLU(), L(8, 5), nn.LeakyReLU(0.1), L(5, 3)), VECTOR,
            ["0 > 2", "2 > 4"]),
    "mlp without biases": (
        lambda: chain(L(6, 8, bias=False), nn.ReLU(), L(8, 8, bias=False), nn.ReLU(),
                      L(8, 3, bias=False)), VECTOR, ["0 > 2", "2 > 4"],
    ),
    "convolution": (convolution, IMAGE, ["conv1 > conv2", "conv2 > fc1", "fc1 > fc2"]),
    "vgg": (vgg, IMAGE, ["features.0 > features.3", "features.3 > classifier.0",
                         "classifier.0 > classifier.3", "classifier.3 > classifier.5"]),
    "mobile": (mobile, IMAGE, ["0 > 2", "2 > 4", "4 > 6", "6 > 8", "8 > 12"]),
    "line": (line, LINE, ["0 > 2", "2 > 5"]),
    "series": (lambda: series(6), VECTOR,
               ["layers.0.linear > layers.1.linear", "layers.1.linear > layers.2.linear"]),
    "nested": (
        lambda: chain(chain(L(6, 6), nn.ReLU(), L(6, 8), nn.ReLU()), chain(L(8, 8), nn.ReLU()),
                      L(8, 3)), VECTOR, ["0.0 > 0.2", "0.2 > 1.0", "1.0 > 2"],
    ),
    "two parts": (
        lambda: named(through("conv1", "conv2", "fc"), conv1=chain(C(2, 4, 3), nn.MaxPool2d(2)),
                      conv2=chain(C(4, 4, 3), nn.MaxPool2d(2)), fc=L(4, 3)), (5, 2, 10, 10),
        ["conv1.0 > conv2.0", "conv2.0 > fc"],
    ),
    "autoencoder": (
        lambda: named(lambda net, x: net.decoder(net.encoder(x)),
                      encoder=chain(L(6, 5), nn.ReLU(), L(5, 4), nn.ReLU()),
                      decoder=chain(L(4, 5), nn.ReLU(), L(5, 6))), VECTOR,
        ["encoder.0 > encoder.2", "encoder.2 > decoder.0", "decoder.0 > decoder.2"],
    ),
    "transposed": (decoder, IMAGE, ["deconv1 > deconv2", "deconv2 > out"]),
    "many": (
        lambda: chain(*[module for _ in range(12) for module in (L(6, 6), nn.ReLU())], L(6, 3)),
        VECTOR, [f"{h} > {h + 2}" for h in range(0, 24, 2)],
    ),
}  # fmt: skip
"""What makes one, the shape of its inputs, and its joints."""
