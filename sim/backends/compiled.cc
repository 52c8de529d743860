// The harness around a model of the accelerator in C++; driven by sim/backends/compiled.py.
//
// A model (`LIGHTDEAL_MODEL`: verilated_model.h or cxxrtl_model.h) says what the ports show between evaluate(),
// which settles a cycle, and advance(), which goes on to the next.

#include LIGHTDEAL_MODEL

#include <cstdint>
#include <cstring>
#include <vector>

namespace {

// One write into the feature memory; sim/drivers/ports.py declares the same layout for NumPy.
struct Write {
    uint32_t cycle;
    uint32_t address;
    uint64_t enable;
    uint8_t data[(LANES + 7) / 8 * 8];
};

enum Status { DONE = 0, ERROR = 1, LIMIT = 2, MARK = 3, CHANGED = 4 };

// Errors from this code on leave the streams in step: they count once all words of a call are taken, since
// one from before may still stand. LIGHTDEAL_RECOVERED is golden.spec.errors.FIRST_RECOVERED.
bool fails(uint32_t error, bool sent) { return error && (error < LIGHTDEAL_RECOVERED || sent); }

struct Simulator {
    Model model;
    std::vector<Write> writes;
    uint64_t cycles = 0;  // clock cycles of the last call
    uint64_t begin = 0;   // cycle of the last call in which the last image word was taken
    uint32_t random = 1;
    uint32_t stall = 0;   // a stream pauses with probability stall / 2**16 per cycle

    bool pause() {
        if (stall == 0) return false;
        random ^= random << 13;  // xorshift32, Marsaglia 2003
        random ^= random >> 17;
        random ^= random << 5;
        return (random >> 16) < stall;
    }

    void advance() {
        model.advance();
        cycles++;
    }
};

Status load(Simulator &simulator, const uint32_t *words, uint64_t count, uint64_t limit) {
    Model &model = simulator.model;
    simulator.cycles = 0;
    uint64_t sent = 0;
    bool valid = false;
    while (simulator.cycles < limit) {
        valid = sent < count && (valid || !simulator.pause());
        model.offer_program(valid, valid ? words[sent] : 0);
        model.evaluate();
        const bool taken = valid && model.program_ready();
        const bool loaded = model.loaded();
        const bool failed = fails(model.error(), sent == count);
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
    Model &model = simulator.model;
    simulator.cycles = 0;
    simulator.writes.clear();
    model.offer_program(false, 0);
    uint64_t sent = 0, received = 0;
    simulator.begin = 0;
    bool valid = false;
    bool waiting = false;  // a result word was offered in the cycle before, and not taken
    uint8_t offered[LANES + 1], now[LANES + 1];  // its bytes, and whether it is the last
    while (simulator.cycles < limit) {
        valid = sent < image_words && (valid || !simulator.pause());
        model.offer_image(valid, image + sent * LANES, sent + 1 == image_words);
        const bool ready = !simulator.pause();
        model.take(ready);
        model.evaluate();
        if (model.trace_valid()) {
            Write write{};
            write.cycle = uint32_t(simulator.cycles - simulator.begin);
            write.address = model.trace_address();
            write.enable = model.trace_enable();
            std::memcpy(write.data, model.trace_data(), LANES);
            simulator.writes.push_back(write);
        }
        const bool taken = valid && model.image_ready();
        const bool offers = model.result_valid();
        const bool given = ready && offers;
        const bool last = offers && model.result_last();
        if (offers) std::memcpy(now, model.result(), LANES);
        now[LANES] = last;
        if (waiting && !(offers && std::memcmp(now, offered, sizeof now) == 0)) return CHANGED;
        waiting = offers && !ready;
        if (waiting) std::memcpy(offered, now, sizeof now);
        if (given && received < result_words) std::memcpy(result + received * LANES, now, LANES);
        const bool failed = fails(model.error(), sent == image_words);
        const bool busy = model.busy();
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

Simulator &at(void *pointer) { return *static_cast<Simulator *>(pointer); }

}  // namespace

extern "C" {

// Reset, nothing offered; memories keep what they hold.
void lightdeal_reset(void *simulator) { at(simulator).model.reset(); }

// A new simulator: memories and registers as at power-up, then reset.
void *lightdeal_new(int skip, uint32_t stall, uint32_t seed) {
    Simulator *simulator = new Simulator;
    simulator->stall = stall;
    simulator->random = seed | 1;
    simulator->model.start(skip != 0);
    simulator->model.reset();
    return simulator;
}

void lightdeal_free(void *simulator) { delete static_cast<Simulator *>(simulator); }

int lightdeal_load(void *simulator, const uint32_t *words, uint64_t count, uint64_t limit) {
    return load(at(simulator), words, count, limit);
}

int lightdeal_run(void *simulator, const uint8_t *image, uint64_t image_words, uint8_t *result,
                  uint64_t result_words, uint64_t limit) {
    return run(at(simulator), image, image_words, result, result_words, limit);
}

// What the last call left: clock cycles, the cycle of the last image word, the cycle counter's
// port, the error port, the writes.
uint64_t lightdeal_cycles(void *simulator) { return at(simulator).cycles; }
uint64_t lightdeal_begin(void *simulator) { return at(simulator).begin; }
uint64_t lightdeal_counter(void *simulator) { return at(simulator).model.counter(); }
uint32_t lightdeal_error(void *simulator) { return at(simulator).model.error(); }
uint64_t lightdeal_write_count(void *simulator) { return at(simulator).writes.size(); }
const void *lightdeal_writes(void *simulator) { return at(simulator).writes.data(); }
uint64_t lightdeal_write_size() { return sizeof(Write); }

#ifdef LIGHTDEAL_WAVEFORM
// Everything from here to `lightdeal_wave_end` goes into a VCD file; 0 if it cannot be opened, or written.
int lightdeal_wave_begin(void *simulator, const char *path) { return at(simulator).model.wave_begin(path); }
int lightdeal_wave_end(void *simulator) { return at(simulator).model.wave_end(); }
#endif

}  // extern "C"
