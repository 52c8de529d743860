"""The host of a device that learns: what it sends, what it makes of what comes back."""

from golden.host.steps import Exchange, Run, device_step, load_device, read_codes

__all__ = ["Exchange", "Run", "device_step", "load_device", "read_codes"]
