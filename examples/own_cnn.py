"""Your own network: train it, compress it, compile it, and run it on the hardware.

    python examples/own_cnn.py

leaves `own_cnn.png`: where the cycles of an image go, layer by layer.
"""

from itertools import pairwise

import torch
from matplotlib import pyplot
from torch import nn

from golden.compiler import compile_network
from golden.compress import compress
from golden.cycles.bounds import dense_cycles
from golden.cycles.timing import count_cycles
from golden.machine.tensors import input_tensor
from golden.spec.config import TINY
from golden.workloads import load_digits
from sim.run import run

# A network as PyTorch has it, trained as usual.
torch.manual_seed(1)
net = nn.Sequential(
    *(nn.Conv2d(1, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8), nn.ReLU()),
    *(nn.Conv2d(8, 12, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(12), nn.ReLU()),
    *(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(12, 10)),
)
train, test = load_digits()
steps = torch.optim.Adam(net.parameters(), lr=0.02)
for _ in range(6):
    for batch in torch.randperm(len(train.images)).split(64):
        steps.zero_grad()
        nn.functional.cross_entropy(net(train.images[batch]), train.labels[batch]).backward()
        steps.step()
net.eval()

# Most weights go; the others become powers of two times a small basis. Two epochs repair the damage.
made = compress(net, train.images[:256], train_data=train, epochs=2, config=TINY)
program = compile_network(made.network, TINY)
print(f"kept weights: {made.kept:.0%}")

# The golden model and the simulated hardware compute the same bits.
images = input_tensor(program, test.images[:2].numpy())
golden, hardware = run(program, images), run(program, images, on="amaranth")
assert all((golden.tensors[name] == hardware.tensors[name]).all() for name in hardware.tensors)
print(f"equal: {len(hardware.tensors)} tensors, {hardware.cycles[0]} cycles an image")

ends = (0, *count_cycles(program).layer_ends)
dense, names = dense_cycles(program), [layer.path for layer in program.layers]
figure, axes = pyplot.subplots(figsize=(6, 2.4), layout="constrained")
for (start, end), name in zip(pairwise(ends), names, strict=True):
    axes.barh("LightDeal", end - start, left=start, label=f"layer {name}")
axes.barh("dense int8, ideal", dense, color="#9d9da1")
axes.set_xlabel("cycles for one image")
axes.legend(frameon=False)
figure.savefig("own_cnn.png", dpi=120)
