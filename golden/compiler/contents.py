"""The contents of the shared memories and of the coefficient memories, while layers are added."""

import numpy as np

from golden.compiler.taps import Tap
from golden.graph.network import Layer, refuse
from golden.graph.operations.gate import Gate
from golden.spec.config import Config
from golden.spec.errors import CapacityError
from golden.spec.findings import Findings
from golden.spec.memories import Memory, filter_record, memory_shape, tap_record


class Memories:
    """The words of all memories while they grow, from address 0."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self.taps: list[Tap] = []
        self.terms: list[int] = []
        self.filters: list[int] = []
        self.coefficients: list[list[int]] = [[] for _ in range(config.engines)]
        self.tables: list[tuple[int, ...]] = []
        self._gates: dict[str, int] = {}
        self._tables: dict[tuple[Tap, ...], int] = {}

    def add_taps(self, taps: list[Tap]) -> int:
        """Address of a tap table; layers of the same geometry share one."""
        key = tuple(taps)
        if key not in self._tables:
            self._tables[key] = len(self.taps)
            self.taps += taps
        return self._tables[key]

    def tap_words(self) -> tuple[int, ...]:
        """The tap memory; pixels fit their field once every tensor has its place."""
        record = tap_record(self.config)
        return tuple(record.pack(mask=mask, pixel=pixel) for mask, pixel in self.taps)

    def add_terms(self, terms: np.ndarray) -> int:
        """Address of the terms, int8 values of any shape, in C order, as unsigned bytes."""
        address = len(self.terms)
        self.terms += (terms.reshape(-1) & 0xFF).tolist()
        return address

    def add_gate(self, layer: Layer, gate: Gate) -> int:
        """Address of the terms that the layer of a gate writes; layers of the same gate share them.

        Raises UnsupportedError if the configuration has none.
        """
        if not self.config.gates:
            raise refuse(
                layer,
                f"factors that the network computes, which configuration {self.config.name!r} does not take",
                "configurations with `gates`",
            )
        if gate.gate not in self._gates:
            self._gates[gate.gate] = self.add_terms(np.zeros(gate.filters, np.int64))
        return self._gates[gate.gate]

    def gate(self, name: str) -> int | None:
        """Address of the terms that the layer of that output writes, if it does."""
        return self._gates.get(name)

    def add_filters(self, layer: Layer, copies: int) -> int:
        """Address of the filter words of a layer, each of which stands there so many times."""
        address, record = len(self.filters), filter_record()
        self.filters += [
            record.pack(bias=int(bias), shift=int(shift))
            for bias, shift in zip(layer.requantise.bias, layer.requantise.shift, strict=True)
            for _ in range(copies)
        ]
        return address

    def add_table(self, layer: Layer) -> int:
        """Number of the table of a layer, 1…; layers of the same table share one; 0 without.

        Raises UnsupportedError if the configuration has none.
        """
        entries = next((it.entries for it in layer.epilogue if it.entries is not None), None)
        if entries is None:
            return 0
        if not self.config.tables:
            raise refuse(
                layer,
                f"a function by a table, of which configuration {self.config.name!r} has none",
                "configurations with `tables` of 1 or more",
            )
        table = tuple((entries & 0xFF).tolist())
        if table not in self.tables:
            self.tables.append(table)
        return self.tables.index(table) + 1

    def table_words(self) -> tuple[int, ...]:
        """The memory of tables."""
        return tuple(entry for table in self.tables for entry in table)

    def add_blocks(self, blocks: list[list[np.ndarray]]) -> int:
        """Appends the blocks of a layer; returns how many words all engines gained."""
        count = 0
        for words, rounds in zip(self.coefficients, blocks, strict=True):
            for block in rounds:
                words += block.tolist()
                count += len(block)
        return count

    def check(self, instructions: int, findings: Findings) -> None:
        """Finds every memory that is too small; `instructions` with the END."""
        config = self.config
        sizes: list[tuple[str, int, str, int]] = [
            ("instruction", Memory.FRONT, "instructions", instructions),
            ("tap", Memory.TAP, "tap_words", len(self.taps)),
            ("term", Memory.TERM, "term_words", len(self.terms)),
            ("filter", Memory.FILTER, "filter_words", len(self.filters)),
        ]
        # The fullest coefficient memory speaks for all of them.
        fullest = max(range(config.engines), key=lambda engine: len(self.coefficients[engine]))
        name = f"coefficient (engine {fullest})"
        needed = len(self.coefficients[fullest])
        sizes.append((name, Memory.COEFFICIENT + fullest, "coefficient_words", needed))
        if len(self.tables) > config.tables:
            findings.add(
                CapacityError(
                    f"table memory: the network needs {len(self.tables)} tables, tables of configuration "
                    f"{config.name!r} is {config.tables}"
                )
            )
        for name, number, field, needed in sizes:
            depth = memory_shape(config, number).depth
            if needed > depth:
                findings.add(
                    CapacityError(
                        f"{name} memory: the network needs {needed} words, {field} of configuration "
                        f"{config.name!r} is {depth}"
                    )
                )
