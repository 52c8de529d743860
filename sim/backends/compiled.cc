// The harness around the design that CXXRTL makes of the accelerator; driven by sim/backends/compiled.py.
//
// One evaluation per clock cycle: a CXXRTL evaluation with a rising edge pending computes this
// cycle's combinational values and the registers' next values in the same pass, so that ports are
// read between eval() and commit(), and commit() moves to the next cycle. This needs a design
// with one clock and no word that depends on itself, so that eval() converges at once.

#include "accelerator.cc"

#include <cstdio>
#include <cstring>
#include <vector>
#ifdef LIGHTDEAL_WAVEFORM
#include <cxxrtl/cxxrtl_vcd.h>
#endif

namespace {

using cxxrtl::value;
using cxxrtl::wire;
using design_t = cxxrtl_design::p_accelerator;

template <size_t Bits> const value<Bits> &seen(const value<Bits> &port) { return port; }
template <size_t Bits> const value<Bits> &seen(const wire<Bits> &port) { return port.curr; }

template <class Port> uint64_t number(const Port &port) {
    return seen(port).template zcast<64>().template get<uint64_t>();
}

// Copies of packed lanes: the chunks of a CXXRTL value are 32-bit words, the low one first.
template <class Port> void bytes_of(const Port &port, uint8_t *to, size_t count) {
    std::memcpy(to, seen(port).data, count);
}

template <class T> struct width_of;
template <size_t Bits> struct width_of<value<Bits>> { static constexpr size_t bits = Bits; };
template <size_t Bits> struct width_of<wire<Bits>> { static constexpr size_t bits = Bits; };
constexpr size_t LANES = width_of<decltype(design_t::p_trace____enable)>::bits;

// A word of a frame: LANES bytes, and above them whether it is the last one.
template <size_t Bits> void set_word(value<Bits> &port, const uint8_t *from, bool last) {
    static_assert(Bits == 8 * LANES + 1);
    std::memset(port.data, 0, sizeof port.data);
    std::memcpy(port.data, from, LANES);
    port.data[LANES / 4] |= uint32_t(last) << 8 * (LANES % 4);
}
template <class Port> bool is_last(const Port &port) {
    return seen(port).data[LANES / 4] >> 8 * (LANES % 4) & 1;
}

// One write into the feature memory; sim/backends/compiled.py declares the same layout for NumPy.
struct Write {
    uint32_t cycle;
    uint32_t address;
    uint64_t enable;
    uint8_t data[(LANES + 7) / 8 * 8];
};

enum Status { DONE = 0, ERROR = 1, LIMIT = 2, MARK = 3, CHANGED = 4 };

// Errors from this code on leave the streams in step: they count once all words of a call are taken, since
// one from before may still stand. LIGHTDEAL_RECOVERED is golden.spec.errors.FIRST_RECOVERED.
bool fails(uint64_t error, bool sent) { return error && (error < LIGHTDEAL_RECOVERED || sent); }

struct Simulator {
    design_t design;
    std::vector<Write> writes;
    uint64_t cycles = 0;  // clock cycles of the last call
    uint64_t begin = 0;   // cycle of the last call in which the last image word was taken
    uint64_t total = 0;   // clock cycles since the start
    uint32_t random = 1;
    uint32_t stall = 0;   // a stream pauses with probability stall / 2**16 per cycle
#ifdef LIGHTDEAL_WAVEFORM
    cxxrtl::debug_items items;
    cxxrtl::vcd_writer vcd;
    std::FILE *file = nullptr;
#endif

    bool pause() {
        if (stall == 0) return false;
        random ^= random << 13;  // xorshift32, Marsaglia 2003
        random ^= random >> 17;
        random ^= random << 5;
        return (random >> 16) < stall;
    }

    void evaluate() {
        design.prev_p_clk.data[0] = 0;
        design.p_clk.data[0] = 1;
        design.eval();
    }

    void advance() {
#ifdef LIGHTDEAL_WAVEFORM
        if (file) sample();
#endif
        design.commit();
        cycles++;
        total++;
    }

#ifdef LIGHTDEAL_WAVEFORM
    // A clock period is two time steps; the clock is high in the first.
    void sample() {
        vcd.sample(2 * total);
        design.p_clk.data[0] = 0;
        vcd.sample(2 * total + 1);
        design.p_clk.data[0] = 1;
        std::fwrite(vcd.buffer.data(), 1, vcd.buffer.size(), file);
        vcd.buffer.clear();
    }
#endif
};

Status load(Simulator &simulator, const uint32_t *words, uint64_t count, uint64_t limit) {
    design_t &design = simulator.design;
    simulator.cycles = 0;
    uint64_t sent = 0;
    bool valid = false;
    while (simulator.cycles < limit) {
        valid = sent < count && (valid || !simulator.pause());
        design.p_i__program____valid.data[0] = valid;
        if (valid) design.p_i__program____payload.data[0] = words[sent];
        simulator.evaluate();
        const bool taken = valid && number(design.p_i__program____ready);
        const bool loaded = number(design.p_loaded);
        const bool failed = fails(number(design.p_error), sent == count);
        simulator.advance();
        if (taken) {
            sent++;
            valid = false;
        }
        if (failed) return ERROR;
        if (loaded && sent == count) return DONE;
    }
    return LIMIT;
}

Status run(Simulator &simulator, const uint8_t *image, uint64_t image_words, uint8_t *result,
           uint64_t result_words, uint64_t limit) {
    design_t &design = simulator.design;
    simulator.cycles = 0;
    simulator.writes.clear();
    design.p_i__program____valid.data[0] = 0;
    uint64_t sent = 0, received = 0;
    simulator.begin = 0;
    bool valid = false;
    bool waiting = false;  // a result word was offered in the cycle before, and not taken
    uint8_t offered[LANES + 1], now[LANES + 1];  // its bytes, and whether it is the last
    while (simulator.cycles < limit) {
        valid = sent < image_words && (valid || !simulator.pause());
        design.p_i__image____valid.data[0] = valid;
        if (valid) set_word(design.p_i__image____payload, image + sent * LANES, sent + 1 == image_words);
        const bool ready = !simulator.pause();
        design.p_o__result____ready.data[0] = ready;
        simulator.evaluate();
        if (number(design.p_trace____valid)) {
            Write write{};
            write.cycle = uint32_t(simulator.cycles - simulator.begin);
            write.address = uint32_t(number(design.p_trace____address));
            write.enable = number(design.p_trace____enable);
            bytes_of(design.p_trace____data, write.data, LANES);
            simulator.writes.push_back(write);
        }
        const bool taken = valid && number(design.p_i__image____ready);
        const bool offers = number(design.p_o__result____valid);
        const bool given = ready && offers;
        const bool last = offers && is_last(design.p_o__result____payload);
        if (offers) bytes_of(design.p_o__result____payload, now, LANES);
        now[LANES] = last;
        if (waiting && !(offers && std::memcmp(now, offered, sizeof now) == 0)) return CHANGED;
        waiting = offers && !ready;
        if (waiting) std::memcpy(offered, now, sizeof now);
        if (given && received < result_words) std::memcpy(result + received * LANES, now, LANES);
        const bool failed = fails(number(design.p_error), sent == image_words);
        const bool busy = number(design.p_busy);
        simulator.advance();
        if (failed) return ERROR;
        if (taken) {
            sent++;
            valid = false;
            if (sent == image_words) simulator.begin = simulator.cycles - 1;
        }
        if (given && last != (++received == result_words)) return MARK;
        if (sent == image_words && received == result_words && !busy) return DONE;
    }
    return LIMIT;
}

}  // namespace

extern "C" {

// Two cycles of reset, nothing offered; memories keep what they hold.
void lightdeal_reset(void *pointer) {
    Simulator &simulator = *static_cast<Simulator *>(pointer);
    simulator.design.p_i__program____valid.data[0] = 0;
    simulator.design.p_i__image____valid.data[0] = 0;
    simulator.design.p_rst.data[0] = 1;
    for (int i = 0; i < 2; i++) {
        simulator.evaluate();
        simulator.advance();
    }
    simulator.design.p_rst.data[0] = 0;
}

// A new simulator: memories and registers as at power-up, then reset.
void *lightdeal_new(int skip, uint32_t stall, uint32_t seed) {
    Simulator *simulator = new Simulator;
    simulator->stall = stall;
    simulator->random = seed | 1;
    simulator->design.p_skip.data[0] = skip != 0;
    lightdeal_reset(simulator);
    return simulator;
}

void lightdeal_free(void *simulator) { delete static_cast<Simulator *>(simulator); }

int lightdeal_load(void *simulator, const uint32_t *words, uint64_t count, uint64_t limit) {
    return load(*static_cast<Simulator *>(simulator), words, count, limit);
}

int lightdeal_run(void *simulator, const uint8_t *image, uint64_t image_words, uint8_t *result,
                  uint64_t result_words, uint64_t limit) {
    return run(*static_cast<Simulator *>(simulator), image, image_words, result, result_words, limit);
}

// What the last call left: clock cycles, the cycle of the last image word, the cycle counter's
// port, the error port, the writes.
uint64_t lightdeal_cycles(void *simulator) { return static_cast<Simulator *>(simulator)->cycles; }
uint64_t lightdeal_begin(void *simulator) { return static_cast<Simulator *>(simulator)->begin; }
uint64_t lightdeal_counter(void *simulator) { return number(static_cast<Simulator *>(simulator)->design.p_cycles); }
uint32_t lightdeal_error(void *simulator) { return uint32_t(number(static_cast<Simulator *>(simulator)->design.p_error)); }
uint64_t lightdeal_write_count(void *simulator) { return static_cast<Simulator *>(simulator)->writes.size(); }
const void *lightdeal_writes(void *simulator) { return static_cast<Simulator *>(simulator)->writes.data(); }
uint64_t lightdeal_write_size() { return sizeof(Write); }

#ifdef LIGHTDEAL_WAVEFORM
// Everything from here to `lightdeal_wave_end` goes into a VCD file; 0 if it cannot be opened.
int lightdeal_wave_begin(void *pointer, const char *path) {
    Simulator &simulator = *static_cast<Simulator *>(pointer);
    simulator.file = std::fopen(path, "wb");
    if (!simulator.file) return 0;
    simulator.design.debug_info(&simulator.items, nullptr, "accelerator ");
    simulator.vcd.timescale(1, "ns");
    simulator.vcd.add_without_memories(simulator.items);
    return 1;
}

int lightdeal_wave_end(void *pointer) {
    Simulator &simulator = *static_cast<Simulator *>(pointer);
    const int failed = std::fclose(simulator.file);
    simulator.file = nullptr;
    return failed == 0;
}
#endif

}  // extern "C"
