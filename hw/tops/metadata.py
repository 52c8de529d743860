"""What a component is, for programs: its ports and what they mean, as Amaranth's metadata (JSON)."""

import json
from dataclasses import asdict
from typing import Any, ClassVar

from amaranth.lib import meta, wiring

from golden.spec.config import Config


class Made(meta.Annotation):
    """The configuration that a component was made for, and how it is clocked."""

    schema: ClassVar[dict[str, Any]] = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "https://lightdeal.invalid/schema/1/made.json",
        "type": "object",
        "properties": {
            "configuration": {"type": "object"},
            "digest": {"type": "string", "pattern": "^[0-9a-f]{8}$"},
            "clock": {"type": "string"},
            "edge": {"enum": ["rising", "falling"]},
            "reset": {"type": "string"},
            "reset_kind": {"enum": ["synchronous, active high"]},
        },
        "additionalProperties": False,
        "required": ["configuration", "digest", "clock", "edge", "reset", "reset_kind"],
    }

    def __init__(self, config: Config) -> None:
        self.config = config

    @property
    def origin(self) -> Config:
        """The configuration."""
        return self.config

    def as_json(self) -> dict[str, Any]:
        """An instance of the schema."""
        made = {
            "configuration": asdict(self.config),
            "digest": f"{self.config.digest:08x}",
            "clock": "clk",
            "edge": "rising",
            "reset": "rst",
            "reset_kind": "synchronous, active high",
        }
        self.validate(made)
        return made


def component_metadata(component: wiring.Component, config: Config) -> str:
    """Amaranth's metadata of a component, `Made` among the annotations of its interface, as JSON text."""
    metadata = component.metadata.as_json()
    made = Made(config)
    metadata["interface"]["annotations"][made.schema["$id"]] = made.as_json()
    wiring.ComponentMetadata.validate(metadata)
    return json.dumps(metadata, indent=1) + "\n"
