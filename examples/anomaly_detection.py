"""MLPerf Tiny's anomaly detection: its autoencoder, 640-128-128-128-128-8-128-128-128-128-640, bit-exact.

    python examples/anomaly_detection.py

leaves `anomaly_detection.png`: how badly sounds are rebuilt. They are made up; a broken machine hums higher.
"""

from dataclasses import replace
from itertools import pairwise

import torch
from matplotlib import pyplot
from torch import nn

from golden.compiler import compile_network
from golden.compress import compress, default_plan, import_module
from golden.cycles.timing import count_cycles
from golden.graph.reference import run_network
from golden.machine.tensors import input_tensor
from golden.spec.config import TINY
from sim.run import run


def sounds(count: int, pitch: float) -> torch.Tensor:
    """Five spectra in a row of a machine that hums, (count, 640, 1, 1)."""
    phases, loud = torch.rand(count, 1, 1), torch.rand(count, 5, 1)
    hum = torch.cos(torch.arange(128) * pitch + phases) * loud
    return (hum + 0.1 * torch.randn(count, 5, 128)).reshape(count, 640, 1, 1)


torch.manual_seed(1)
sizes = (640, 128, 128, 128, 128, 8, 128, 128, 128, 128)
inner = [it for a, b in pairwise(sizes) for it in (nn.Linear(a, b), nn.BatchNorm1d(b), nn.ReLU())]
net = nn.Sequential(nn.Flatten(), *inner, nn.Linear(128, 640))
steps = torch.optim.Adam(net.parameters(), lr=0.003)
for heard in (sounds(128, 0.3) for _ in range(100)):
    steps.zero_grad()
    nn.functional.mse_loss(net(heard), heard.flatten(1)).backward()
    steps.step()
net.eval()

# Eight shift-adders with deep memories: two at work on each of four outputs.
device = replace(TINY, engines=4, lanes=2, accumulator_bits=26, coefficient_words=32768)
device = replace(device, feature_words=8192, tap_words=8192, term_words=8192, filter_words=8192)
made = compress(net, heard, default_plan(import_module(net, heard), 0.4, device), tolerance=1)
program = compile_network(made.network, device)

# The program on the golden machine and the network that was compiled: the same bits in every layer.
tests = torch.cat([sounds(40, 0.3), sounds(40, 0.45)])
images = input_tensor(program, tests.numpy())
machine, right = run(program, images), run_network(made.network, images)
assert all((machine.tensors[layer.output] == right[layer.output]).all() for layer in program.layers)
print(f"equal: {len(program.layers)} layers, {count_cycles(program).cycles} cycles a sound")
scale = program.tensor(program.output).scale
errors = ((machine.tensors[program.output] * scale - tests.numpy()) ** 2).mean((1, 2, 3))
figure, axes = pyplot.subplots(figsize=(6, 2.6), layout="constrained")
axes.hist([errors[:40], errors[40:]], bins=24, label=["machine that is well", "broken one"])
axes.set(xlabel="squared error of the rebuilt sound", ylabel="sounds")
axes.legend()
figure.savefig("anomaly_detection.png", dpi=120)
