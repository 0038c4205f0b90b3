"""Networks that are no plain chains, in torch: gates, forks, several that stand side by side."""

from __future__ import annotations

from normalized_networks import NORMALIZED, Rms
from of_torch import Net, nn, relu
from plain_networks import IMAGE, VECTOR, C, L, chain, named
from with_torch import torch

F = torch.nn.functional


def gated(names):
    """up, with a gate beside it, and down."""
    gate, up, down = names

    def block():
        parts = {gate: L(6, 9, bias=False), up: L(6, 9, bias=False), down: L(9, 6, bias=False)}
        return named(lambda net, x: x + net.get_submodule(down)(
            F.silu(net.get_submodule(gate)(x)) * net.get_submodule(up)(x)),
            **{name: parts[name] for name in sorted(names)})  # fmt: skip

    return named(lambda net, x: net.lm_head(net.norm(net.layers(x))),
                 layers=chain(block(), block()), norm=Rms(6), lm_head=L(6, 3))  # fmt: skip


def squeezed_by_kernels():
    """A gate whose names do not say it, between two convolutions."""

    def way(net, x):
        h = relu(net.conv1(x))
        s = net.fc2(relu(net.fc1(h.mean((2, 3), keepdim=True))))
        return net.conv2(h * torch.sigmoid(s)).mean((2, 3))

    return named(way, conv1=C(2, 6, 3), fc1=C(6, 3, 1), fc2=C(3, 6, 1), conv2=C(6, 3, 3))


def squeezed():
    """A gate of channels behind the second convolution."""

    def scaled(net, h):
        return h * torch.sigmoid(net.se(h.mean((2, 3))))[..., None, None]

    return named(
        lambda net, x: net.fc(scaled(net, relu(net.conv2(relu(net.conv1(x))))).mean((2, 3))),
        conv1=C(2, 5, 3), conv2=C(5, 6, 3), se=chain(L(6, 6), nn.ReLU(), L(6, 6)), fc=L(6, 3),
    )  # fmt: skip


def fire():
    def wide(net, s):
        return torch.cat([relu(net.expand1x1(s)), relu(net.expand3x3(s))], 1)

    return named(
        lambda net, x: net.fc(relu(net.features(x)).mean((2, 3))),
        features=chain(C(2, 4, 3), nn.ReLU(), Net(
            lambda net, x: wide(net, relu(net.squeeze(x))), squeeze=C(4, 3, 1),
            expand1x1=C(3, 6, 1), expand3x3=C(3, 6, 3, padding=1))), fc=L(12, 3),
    )  # fmt: skip


def vae():
    return named(
        lambda net, x: (lambda h: net.fc4(relu(net.fc3(net.fc21(h) + torch.exp(net.fc22(h))))))(
            relu(net.fc1(x))), fc1=L(6, 8), fc21=L(8, 4), fc22=L(8, 4), fc3=L(4, 8), fc4=L(8, 6),
    )  # fmt: skip


def agent(shared_layers):
    """An actor and a critic: two networks, or two heads of one."""
    if not shared_layers:

        def net(out):
            return chain(L(6, 8), nn.ReLU(), L(8, 6), nn.ReLU(), L(6, out))

        return named(lambda net, x: torch.cat([net.actor(x), net.critic(x)], 1),
                     actor=net(6), critic=net(1))  # fmt: skip
    return named(
        lambda net, x: (lambda h: torch.cat([net.action(h), net.score(h)], 1))(net.trunk(x)),
        trunk=chain(L(6, 8), nn.ReLU(), L(8, 8), nn.ReLU()), action=L(8, 4), score=L(8, 1),
    )  # fmt: skip


def two_towers():
    """Of the same widths as what they stand on."""

    def tower(out):
        return chain(L(8, 8), nn.ReLU(), L(8, 8), nn.ReLU(), L(8, out))

    return named(lambda net, x: (lambda h: torch.cat([net.left(h), net.right(h)], 1))(net.body(x)),
                 body=chain(L(6, 8), nn.ReLU(), L(8, 8), nn.ReLU()), left=tower(2),
                 right=tower(3))  # fmt: skip


def extractor():
    """Two bodies first, then their two heads."""

    def body():
        return chain(L(6, 8), nn.ReLU(), L(8, 8), nn.ReLU())

    return named(
        lambda net, x: torch.cat([net.action_net(net.mlp["policy_net"](x)),
                                  net.value_net(net.mlp["value_net"](x))], 1),
        mlp=nn.ModuleDict({"policy_net": body(), "value_net": body()}), action_net=L(8, 4),
        value_net=L(8, 1),
    )  # fmt: skip


def unet():
    return named(
        lambda net, x: (lambda a: net.out(relu(net.dec(torch.cat([net.up(relu(net.mid(
            F.max_pool2d(a, 2)))), a], 1)))).mean((2, 3)))(relu(net.enc(x))),
        enc=C(2, 4, 3, padding=1), mid=C(4, 8, 3, padding=1), up=nn.ConvTranspose2d(8, 4, 2, 2),
        dec=C(8, 4, 3, padding=1), out=C(4, 3, 1),
    )  # fmt: skip


def lstm():
    return named(
        lambda net, x: net.fc2(relu(net.fc1(net.lstm(relu(net.fc0(x))[:, None])[0][:, 0]))),
        fc0=L(6, 8), lstm=nn.LSTM(8, 8, batch_first=True), fc1=L(8, 8), fc2=L(8, 3),
    )  # fmt: skip


def text():
    """Convolutions side by side in a list."""
    return named(
        lambda net, x: net.fc(torch.cat([relu(conv(x.mean(1, keepdim=True))).amax((2, 3))
                                         for conv in net.convs], 1)),
        convs=nn.ModuleList([C(1, 4, (k, 3)) for k in (2, 3, 4)]), fc=L(12, 3),
    )  # fmt: skip


def fused():
    """Two encoders whose outputs are joined."""

    def encoder():
        return chain(C(2, 4, 3), nn.ReLU(), C(4, 6, 3), nn.ReLU())

    return named(lambda net, x: net.fuse(torch.cat([net.left(x).mean((2, 3)),
                                                    net.right(x).mean((2, 3))], 1)),
                 left=encoder(), right=encoder(), fuse=L(12, 3))  # fmt: skip


BRANCHED = {
    "gated": (lambda: gated(["gate_proj", "up_proj", "down_proj"]), VECTOR, ["norm > lm_head"]),
    "gated, numbered": (lambda: gated(["w1", "w3", "w2"]), VECTOR, ["norm > lm_head"]),
    "squeezed": (squeezed, IMAGE, ["conv1 > conv2"]),
    "squeezed by kernels": (squeezed_by_kernels, IMAGE, ["fc1 > fc2"]),
    "fire": (fire, IMAGE, []),
    "vae": (vae, VECTOR, ["fc3 > fc4"]),
    "actor and critic": (
        lambda: agent(False), VECTOR,
        ["actor.0 > actor.2", "actor.2 > actor.4", "critic.0 > critic.2", "critic.2 > critic.4"],
    ),
    "two heads": (lambda: agent(True), VECTOR, ["trunk.0 > trunk.2"]),
    "two towers": (two_towers, VECTOR, ["body.0 > body.2", "left.0 > left.2", "left.2 > left.4",
                                        "right.0 > right.2", "right.2 > right.4"]),
    "two bodies": (extractor, VECTOR, ["mlp.policy_net.0 > mlp.policy_net.2",
                                       "mlp.value_net.0 > mlp.value_net.2"]),
    "u-net": (unet, IMAGE, []),
    "recurrent": (lstm, VECTOR, ["fc1 > fc2"]),
    "side by side": (text, IMAGE, []),
    "fused": (fused, IMAGE, ["left.0 > left.2", "right.0 > right.2"]),
    **NORMALIZED,
}  # fmt: skip
"""What makes one, the shape of its inputs, and the joints that its file tells."""
