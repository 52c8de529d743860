"""The accelerator in somebody else's Verilog, `verilog_top.v`, simulated with Icarus alone.

    python examples/verilog_top.py

writes what that design needs into `verilog_top/`, calls Icarus there, and leaves `verilog_top.png`: the
results of the design beside golden's.
"""

import re
import shutil
import subprocess
from pathlib import Path

import torch
from matplotlib import pyplot
from torch import nn

from flows.user.verilog import write_verilog
from golden.compiler import compile_network
from golden.compress import compress
from golden.machine.tensors import image_words, input_tensor
from golden.spec.config import TINY
from golden.workloads import load_digits
from sim.run import run

# A small network with the weights that it begins with; Verilog does not mind.
torch.manual_seed(1)
net = nn.Sequential(nn.Conv2d(1, 6, 3, stride=2), nn.ReLU(), nn.Flatten(), nn.Linear(54, 10)).eval()
_, test = load_digits()
made = compress(net, test.images[:64], config=TINY, tolerance=1)
program = compile_network(made.network, TINY)
images = input_tensor(program, test.images[:1].numpy())

folder = Path("verilog_top")
folder.mkdir(exist_ok=True)
write_verilog(TINY, folder / "accelerator.v")
shutil.copy(Path(__file__).with_suffix(".v"), folder)
words, image = program.image(), image_words(program, images)[0]
(folder / "program.mem").write_text("\n".join(f"{word:08x}" for word in words))
(folder / "image.mem").write_text("\n".join(word[::-1].tobytes().hex() for word in image))
sizes = {"LANES": TINY.lanes, "PROGRAM_WORDS": len(words), "IMAGE_WORDS": len(image)}
(folder / "sizes.vh").write_text("".join(f"localparam {it} = {sizes[it]};\n" for it in sizes))

command = "iverilog -g2005 -s verilog_top -o design verilog_top.v accelerator.v && vvp -n design"
said = subprocess.run(command, cwd=folder, shell=True, check=True, capture_output=True, text=True).stdout
print(said, end="")
found = [int(value) for value in re.findall(r"class \d+: (-?\d+)", said)]
golden = run(program, images).tensors[program.output].flatten().tolist()
assert found == golden, (found, golden)

figure, axes = pyplot.subplots(figsize=(6, 2.4), layout="constrained")
axes.bar([it - 0.2 for it in range(10)], found, 0.4, label="Verilog, Icarus")
axes.bar([it + 0.2 for it in range(10)], golden, 0.4, label="golden")
axes.set(xlabel="class", ylabel="logit, int8")
axes.set_xticks(range(10))
axes.legend(frameon=False)
figure.savefig("verilog_top.png", dpi=120)
