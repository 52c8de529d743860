"""LightNorm in a PyTorch network: batch norm as the hardware computes it, to the last bit.

    python examples/lightnorm.py

leaves `lightnorm.png`: the loss with LightNorm beside that with batch norm in FP32.
"""

import torch
from matplotlib import pyplot
from torch import nn

from golden.lightnorm import collect_flags, restore_batch_norm, swap_batch_norm
from golden.workloads import accuracy, load_digits

train, test = load_digits()


def network() -> nn.Module:
    """The same initial weights each time."""
    torch.manual_seed(1)
    return nn.Sequential(
        *(nn.Conv2d(1, 12, 3, padding=1, bias=False), nn.BatchNorm2d(12), nn.ReLU()),
        *(nn.Conv2d(12, 24, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(24), nn.ReLU()),
        *(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(24, 10)),
    )


def losses(net: nn.Module) -> list[float]:
    """The loss of each step of a short training."""
    torch.manual_seed(2)
    steps, found = torch.optim.Adam(net.parameters(), lr=0.02), []
    for _ in range(3):
        for batch in torch.randperm(len(train.images)).split(64):
            loss = nn.functional.cross_entropy(net(train.images[batch]), train.labels[batch])
            steps.zero_grad()
            loss.backward()
            steps.step()
            found.append(loss.item())
    return found


figure, axes = pyplot.subplots(figsize=(6, 3), layout="constrained")
for name in ("batch norm, FP32", "LightNorm"):
    net = network()
    if name == "LightNorm":
        swap_batch_norm(net)  # every BatchNorm2d trains with the unit's arithmetic from here on
    axes.plot(losses(net), label=name)
    for path, flags in collect_flags(net).items():
        print(f"{path}: {flags}")
    restore_batch_norm(net.eval())  # BatchNorm2d again, the same function, to be compressed
    print(f"{name}: {accuracy(net, test):.1%} of the test images are right")
axes.set_xlabel("step")
axes.set_ylabel("loss")
axes.legend(frameon=False)
figure.savefig("lightnorm.png", dpi=120)
