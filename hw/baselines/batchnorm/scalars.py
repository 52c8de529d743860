"""What a channel needs once: mean, scale and the words of the lanes, on one serial unit."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from golden.spec.floats import RSQRT_START, RSQRT_STEPS, FloatFormat, Pass
from hw.baselines.batchnorm.layouts import channel, outcome, sums, words
from hw.baselines.batchnorm.pack import FLOAT_BITS, narrow, widen
from hw.baselines.batchnorm.serial import SerialFloat

_NUMBERS = {"half": 0x3F000000, "1.5": 0x3FC00000}
_NEWTON = ["t3 = t1 * t1", "t3 = t3 * t2", "t3 = 1.5 - t3", "t1 = t1 * t3"]
_PROGRAMS = {
    Pass.MEAN: ["t0 = products0 + products1", "t0 = t0 * inverse"],
    Pass.VARIANCE: [
        "t0 = products0 + products1",
        "t0 = t0 * inverse",
        "t2 = t0 + epsilon",
        "t2 = t2 * half",
        "t1 = guess",
        *_NEWTON * RSQRT_STEPS,
    ],
    Pass.APPLY: ["t0 = narrow gamma * scale", "t2 = t0 * mean", "t2 = beta - t2"],
    Pass.REDUCE: [
        "t0 = gradients0 + gradients1",
        "t1 = products0 + products1",
        "t2 = t0 * mean",
        "t1 = t1 - t2",
        "t1 = t1 * scale",
    ],
    Pass.GRAD: [
        "t1 = narrow gamma * scale",
        "t0 = d_gamma * scale",
        "t0 = t0 * t1",
        "t0 = narrow t0 * inverse",
        "t2 = t1 * d_beta",
        "t2 = t2 * inverse",
        "t3 = t0 * mean",
        "t2 = t3 - t2",
    ],
}


class ChannelScalars(wiring.Component):
    """From partial sums to `outcome` after MEAN, VARIANCE and REDUCE; from `channel` to `words` before the
    other passes (and before VARIANCE, where the word is −μ and costs no time).

    Golden: `golden.baselines.batchnorm.unit`: `mean`, `variance`, `reduce`, `apply_words`, `grad_words`.
    Latency: usually 35 cycles for MEAN, 340 for VARIANCE, 60 for APPLY, 75 for REDUCE, 190 for GRAD;
    more where the exponents of sums are far apart (`SerialFloat`).
    One channel at a time; the items of streams are held until they have been used, so nothing is copied.

    Parameters
    ----------
    fmt: of the elements.

    Members
    -------
    op: In, `Pass` that is under way; stands still while `busy`.
    channel, sums: streams of `channel` and `sums`.  words, outcome: streams of `words` and `outcome`.
    inverse, epsilon: In, float32, 1/n and ε; stand still.  busy: Out, a channel is being worked on.
    """

    channel: stream.Interface
    sums: stream.Interface
    words: stream.Interface
    outcome: stream.Interface

    def __init__(self, fmt: FloatFormat) -> None:
        self._fmt = fmt
        super().__init__(
            {
                "op": In(Pass),
                "channel": In(stream.Signature(channel())),
                "sums": In(stream.Signature(sums())),
                "words": Out(stream.Signature(words(fmt))),
                "outcome": Out(stream.Signature(outcome())),
                "inverse": In(FLOAT_BITS),
                "epsilon": In(FLOAT_BITS),
                "busy": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        fmt = self._fmt
        known = self.channel.payload
        m.submodules.serial = serial = SerialFloat()
        t = [Signal(FLOAT_BITS, name=f"t{number}") for number in range(4)]
        sources: dict[str, Value] = {
            **{f"t{number}": register for number, register in enumerate(t)},
            **{name: known[name] for name in ("gamma", "beta", "mean", "scale", "d_gamma", "d_beta")},
            **{
                f"{name}{i}": self.sums.payload[name][i] for name in ("products", "gradients") for i in (0, 1)
            },
            **{name: Const(value, FLOAT_BITS) for name, value in _NUMBERS.items()},
            "inverse": self.inverse,
            "epsilon": self.epsilon,
        }
        listed = [(op, text) for op, texts in _PROGRAMS.items() for text in texts]
        step = Signal(range(len(listed)))
        final = Signal()
        rounded = Signal()
        result = Signal(FLOAT_BITS)
        m.d.comb += result.eq(Mux(rounded, widen(narrow(m, serial.o.payload, fmt), fmt), serial.o.payload))
        running, finished = Signal(), Signal()
        done = Signal()
        with m.Switch(step):
            for number, (op, text) in enumerate(listed):
                with m.Case(number):
                    ends = number + 1 == len(listed) or listed[number + 1][0] != op
                    m.d.comb += final.eq(ends)
                    self._step(m, text, serial, sources, rounded, result, running, done)

        after = (self.op == Pass.MEAN) | (self.op == Pass.VARIANCE) | (self.op == Pass.REDUCE)
        fits = self.channel.valid & (known.op == self.op)
        start = Signal()
        m.d.comb += [
            start.eq(Mux(after, self.sums.valid & (fits | (self.op != Pass.REDUCE)), fits)),
            self.busy.eq(running | finished),
        ]
        first = 0
        with m.Switch(self.op):
            for op, texts in _PROGRAMS.items():
                with m.Case(op), m.If(start & ~self.busy):
                    m.d.sync += [step.eq(first), running.eq(1)]
                first += len(texts)
        with m.If(running & done):
            m.d.sync += step.eq(step + 1)
            with m.If(final):
                m.d.sync += [running.eq(0), finished.eq(1)]

        ahead = self.op == Pass.VARIANCE
        grad = self.op == Pass.GRAD
        given = (self.outcome.valid & self.outcome.ready) | (self.words.valid & self.words.ready & ~ahead)
        with m.If(given):
            m.d.sync += finished.eq(0)
        minus_mean = Cat(known.mean[:-1], ~known.mean[-1])
        upper = slice(FLOAT_BITS - fmt.bits, FLOAT_BITS)
        m.d.comb += [
            self.outcome.valid.eq(finished & after),
            self.outcome.payload.op.eq(self.op),
            self.outcome.payload.first.eq(t[0]),
            self.outcome.payload.second.eq(t[1]),
            self.words.valid.eq(Mux(ahead, fits, finished & ~after)),
            # The slope of x in GRAD is negative.
            self.words.payload.x.eq(Cat(t[0][upper][:-1], t[0][-1] ^ grad)),
            self.words.payload.dy.eq(Mux(grad, t[1][upper], 0)),
            self.words.payload.offset.eq(Mux(ahead, minus_mean, t[2])),
            self.sums.ready.eq(self.outcome.valid & self.outcome.ready),
            self.channel.ready.eq(
                (self.words.valid & self.words.ready) | (self.sums.ready & (self.op == Pass.REDUCE))
            ),
        ]
        return m

    def _step(
        self,
        m: Module,
        text: str,
        serial: SerialFloat,
        sources: dict[str, Value],
        rounded: Signal,
        result: Signal,
        running: Signal,
        done: Signal,
    ) -> None:
        """Does one line of a program: `target = [narrow] a sign b`, or the first guess of the root."""
        target, _, *rest = text.split()
        register = sources[target]
        if rest == ["guess"]:
            m.d.comb += done.eq(1)
            with m.If(running):
                m.d.sync += register.eq(RSQRT_START - (sources["t2"] >> 1))
            return
        if rest[0] == "narrow":
            m.d.comb += rounded.eq(1)
        a, sign, b = rest[-3:]
        job = serial.i.payload
        m.d.comb += [
            serial.i.valid.eq(running),
            serial.o.ready.eq(running),
            job.a.eq(sources[a]),
            job.b.eq(sources[b]),
            job.multiply.eq(sign == "*"),
            job.negative.eq(sign == "-"),
            done.eq(serial.o.valid),
        ]
        with m.If(running & serial.o.valid):
            m.d.sync += register.eq(result)
