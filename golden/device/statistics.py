"""Scalars of LightNorm's channels as words of a device."""

from golden.learning.norm import standing
from golden.learning.state import State
from golden.lightnorm.scalars import Scalars
from golden.spec.memories import statistics_record


def standing_words(state: State) -> tuple[int, ...]:
    """Mean and scale of the channels of all layers, where they are the running ones (`statistics_record`)."""
    record, words = statistics_record(), []
    for it in state.layers:
        pairs = zip(*(scalar_numbers(values) for values in standing(it)), strict=True)
        for mean, scale in pairs:
            fields = {f"mean_{name}": value for name, value in mean.items()}
            words.append(record.pack(**fields, **{f"scale_{name}": value for name, value in scale.items()}))
    return tuple(words)


def scalar_numbers(values: Scalars) -> list[dict[str, int]]:
    """Scalars as fields of `scalar_report_record`."""
    return [
        {"mantissa": abs(mantissa), "sign": int(mantissa < 0), "exponent": exponent}
        for mantissa, exponent in zip(values.mantissa.tolist(), values.exponent.tolist(), strict=True)
    ]
