"""A unit of a configuration as one Verilog file, with what programs want to know of it beside.

The usual unit is the whole accelerator.
"""

from pathlib import Path

from flows.base.files import write_all
from flows.base.units import make_unit
from flows.user.commands import Verilog
from flows.user.core_file import core_text
from golden.spec.config import Config, load_config
from hw.tops.metadata import component_metadata
from hw.tops.verilog import component_verilog


def unit_verilog(config: Config, unit: str) -> str:
    """Verilog-2005 of a unit as the module of that name; the first line names the configuration."""
    return _head(config, unit) + component_verilog(make_unit(unit, config), module_name(unit))


def accelerator_verilog(config: Config) -> str:
    """Verilog of the module `accelerator`."""
    return unit_verilog(config, "accelerator")


def module_name(unit: str) -> str:
    """What the module of a unit is called."""
    return unit.replace("-", "_")


def beside(verilog: Path) -> tuple[Path, Path]:
    """Where the metadata and the FuseSoC core of a Verilog file are."""
    return verilog.with_suffix(".metadata.json"), verilog.with_suffix(".core")


def write_verilog(config: Config, path: Path, unit: str = "accelerator") -> Path:
    """Write the Verilog of a unit of a configuration, and its metadata and FuseSoC core `beside`.

    Each file appears whole or not at all.
    """
    component = make_unit(unit, config)
    metadata, core = beside(path)
    about = f"LightDeal {unit} {config.name}, configuration digest {config.digest:08x}"
    write_all(
        {
            path: _head(config, unit) + component_verilog(component, module_name(unit)),
            metadata: component_metadata(component, config),
            core: core_text(module_name(unit), path.name, about),
        }
    )
    return path


def verilog(options: Verilog) -> str:
    """Write what is asked for; returns where it is."""
    return str(write_verilog(load_config(options.config), options.out, options.unit))


def _head(config: Config, unit: str) -> str:
    return f"// LightDeal {unit} {config.name!r}, configuration digest {config.digest:08x}\n"
