// The harness around the C++ that Verilator makes of the accelerator; driven by sim/backends/compiled.py.
//
// Two steps per clock cycle: logic that the inputs reach, if they change; then the rising edge, and the logic
// that the registers reach. Between them the ports show this cycle.

#include "Design.h"
#include "Design__Syms.h"
#include "Design___024root.h"

#include <cstdio>
#include <cstring>
#include <type_traits>
#include <vector>
#if VM_TRACE
#include <verilated_vcd_c.h>
#endif

// Verilator's: the logic behind the inputs; what the rising edge of the only clock does, and the logic behind it.
void Design___024root___eval_ico(Design___024root *);
void Design___024root___eval_nba(Design___024root *);

namespace {

// Verilator's name of a port of a bundle.
#define PORT(bundle, member) bundle##___05F##member

constexpr size_t LANES = LIGHTDEAL_LANES;

// Packed lanes: all of Verilator's types hold the low byte first on the machines that we know.
template <class Port> void bytes_of(const Port &port, uint8_t *to, size_t count) { std::memcpy(to, &port, count); }

// A word of a frame: LANES bytes, and above them whether it is the last one.
template <class Port> Port word_of(const Port &, const uint8_t *from, bool last) {
    static_assert(sizeof(Port) > LANES);
    uint8_t bytes[sizeof(Port)] = {};
    std::memcpy(bytes, from, LANES);
    bytes[LANES] = last;
    Port word;
    std::memcpy(&word, bytes, sizeof word);
    return word;
}
template <class Port> bool is_last(const Port &port) { return reinterpret_cast<const uint8_t *>(&port)[LANES] & 1; }

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
    VerilatedContext context;
    Design design{&context};
    std::vector<Write> writes;
    uint64_t cycles = 0;  // clock cycles of the last call
    uint64_t begin = 0;   // cycle of the last call in which the last image word was taken
    uint32_t random = 1;
    uint32_t stall = 0;   // a stream pauses with probability stall / 2**16 per cycle
    bool changed = true;  // an input, since the last evaluation
#if VM_TRACE
    uint64_t steps = 0;   // half clock cycles since the start
    VerilatedVcdC vcd;
#endif

    bool pause() {
        if (stall == 0) return false;
        random ^= random << 13;  // xorshift32, Marsaglia 2003
        random ^= random >> 17;
        random ^= random << 5;
        return (random >> 16) < stall;
    }

    template <class Port> void put(Port &port, Port value) {
        changed |= port != value;
        port = value;
    }

    // The design's own eval() looks for what may have changed, at either edge; here that is known.
    void evaluate() {
        if (changed) {
            design.rootp->__VicoTriggered[0] = 1;
            Design___024root___eval_ico(design.rootp);
            changed = false;
        }
        dump(false);
    }

    void advance() {
        design.rootp->__VnbaTriggered[0] = 1;
        Design___024root___eval_nba(design.rootp);
        dump(true);
        cycles++;
    }

    // A state that something else has made.
    void settle() {
        design.eval();
        dump(false);
        advance();
    }

    void dump(bool high) {
#if VM_TRACE
        design.clk = high;
        if (vcd.isOpen()) vcd.dump(steps);
        steps++;
#endif
    }
};

Status load(Simulator &simulator, const uint32_t *words, uint64_t count, uint64_t limit) {
    Design &design = simulator.design;
    simulator.cycles = 0;
    uint64_t sent = 0;
    bool valid = false;
    while (simulator.cycles < limit) {
        valid = sent < count && (valid || !simulator.pause());
        simulator.put<CData>(design.PORT(i_program, valid), valid);
        if (valid) simulator.put<IData>(design.PORT(i_program, payload), words[sent]);
        simulator.evaluate();
        const bool taken = valid && design.PORT(i_program, ready);
        const bool loaded = design.loaded;
        const bool failed = fails(design.error, sent == count);
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
    Design &design = simulator.design;
    simulator.cycles = 0;
    simulator.writes.clear();
    simulator.put<CData>(design.PORT(i_program, valid), 0);
    uint64_t sent = 0, received = 0;
    simulator.begin = 0;
    bool valid = false;
    bool waiting = false;  // a result word was offered in the cycle before, and not taken
    uint8_t offered[LANES + 1], now[LANES + 1];  // its bytes, and whether it is the last
    while (simulator.cycles < limit) {
        valid = sent < image_words && (valid || !simulator.pause());
        simulator.put<CData>(design.PORT(i_image, valid), valid);
        auto &payload = design.PORT(i_image, payload);
        if (valid) simulator.put(payload, word_of(payload, image + sent * LANES, sent + 1 == image_words));
        const bool ready = !simulator.pause();
        simulator.put<CData>(design.PORT(o_result, ready), ready);
        simulator.evaluate();
        if (design.PORT(trace, valid)) {
            Write write{};
            write.cycle = uint32_t(simulator.cycles - simulator.begin);
            write.address = uint32_t(design.PORT(trace, address));
            write.enable = design.PORT(trace, enable);
            bytes_of(design.PORT(trace, data), write.data, LANES);
            simulator.writes.push_back(write);
        }
        const bool taken = valid && design.PORT(i_image, ready);
        const bool offers = design.PORT(o_result, valid);
        const bool given = ready && offers;
        const bool last = offers && is_last(design.PORT(o_result, payload));
        if (offers) bytes_of(design.PORT(o_result, payload), now, LANES);
        now[LANES] = last;
        if (waiting && !(offers && std::memcmp(now, offered, sizeof now) == 0)) return CHANGED;
        waiting = offers && !ready;
        if (waiting) std::memcpy(offered, now, sizeof now);
        if (given && received < result_words) std::memcpy(result + received * LANES, now, LANES);
        const bool failed = fails(design.error, sent == image_words);
        const bool busy = design.busy;
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

// Reset, nothing offered; memories keep what they hold. The design comes without logic for it
// (`sim.backends.verilated`): a register with a declared value has that after power-up and after reset, so it
// is powered up again.
void lightdeal_reset(void *pointer) {
    Simulator &simulator = *static_cast<Simulator *>(pointer);
    simulator.put<CData>(simulator.design.PORT(i_program, valid), 0);
    simulator.put<CData>(simulator.design.PORT(i_image, valid), 0);
    simulator.evaluate();
    simulator.advance();
    simulator.design.rootp->vlSymsp->__Vm_didInit = false;
    simulator.settle();
}

// A new simulator: memories and registers as at power-up, then reset.
void *lightdeal_new(int skip, uint32_t stall, uint32_t seed) {
    Simulator *simulator = new Simulator;
    simulator->stall = stall;
    simulator->random = seed | 1;
    simulator->design.skip = skip != 0;
    simulator->settle();
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
uint64_t lightdeal_counter(void *simulator) { return static_cast<Simulator *>(simulator)->design.cycles; }
uint32_t lightdeal_error(void *simulator) { return uint32_t(static_cast<Simulator *>(simulator)->design.error); }
uint64_t lightdeal_write_count(void *simulator) { return static_cast<Simulator *>(simulator)->writes.size(); }
const void *lightdeal_writes(void *simulator) { return static_cast<Simulator *>(simulator)->writes.data(); }
uint64_t lightdeal_write_size() { return sizeof(Write); }

#if VM_TRACE
// Everything from here to `lightdeal_wave_end` goes into a VCD file; 0 if it cannot be opened.
int lightdeal_wave_begin(void *pointer, const char *path) {
    Simulator &simulator = *static_cast<Simulator *>(pointer);
    simulator.design.trace(&simulator.vcd, 99);
    simulator.vcd.open(path);
    return simulator.vcd.isOpen();
}

int lightdeal_wave_end(void *pointer) {
    static_cast<Simulator *>(pointer)->vcd.close();
    return 1;
}
#endif

}  // extern "C"
