"""The accelerator of a configuration as one Verilog file."""

from pathlib import Path

from flows.files import write_whole
from golden.spec.config import Config
from hw.accelerator import Accelerator
from hw.verilog import component_verilog


def accelerator_verilog(config: Config) -> str:
    """Verilog-2005 of the module `accelerator`; the first line names the configuration."""
    head = f"// LightDeal accelerator {config.name!r}, configuration digest {config.digest:08x}\n"
    return head + component_verilog(Accelerator(config), "accelerator")


def write_verilog(config: Config, path: Path) -> Path:
    """Write the Verilog of a configuration; the file appears whole or not at all."""
    return write_whole(path, accelerator_verilog(config))
