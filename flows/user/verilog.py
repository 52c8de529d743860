"""A unit of a configuration as one Verilog file; the usual unit is the whole accelerator."""

from pathlib import Path

from flows.base.files import write_whole
from flows.base.units import make_unit
from flows.user.commands import Verilog
from golden.spec.config import Config, load_config
from hw.tops.verilog import component_verilog


def unit_verilog(config: Config, unit: str) -> str:
    """Verilog-2005 of a unit as the module of that name; the first line names the configuration."""
    head = f"// LightDeal {unit} {config.name!r}, configuration digest {config.digest:08x}\n"
    return head + component_verilog(make_unit(unit, config), unit.replace("-", "_"))


def accelerator_verilog(config: Config) -> str:
    """Verilog of the module `accelerator`."""
    return unit_verilog(config, "accelerator")


def write_verilog(config: Config, path: Path, unit: str = "accelerator") -> Path:
    """Write the Verilog of a unit of a configuration; the file appears whole or not at all."""
    return write_whole(path, unit_verilog(config, unit))


def verilog(options: Verilog) -> str:
    """Write what is asked for; returns where it is."""
    return str(write_verilog(load_config(options.config), options.out, options.unit))
