// The accelerator as C++ that Verilator made: what sim/backends/compiled.cc asks of a model.
//
// Two steps per clock cycle: logic that the inputs reach, if they change; then the rising edge, and the logic
// that the registers reach. Between them the ports show this cycle. The design's own eval() would look for what
// may have changed, at either edge of the clock; here that is known. So this file, and no other, names what
// Verilator does not promise to keep: `sim.backends.verilated.TRIED` are the versions that it was tried with.

#include "Design.h"
#include "Design__Syms.h"
#include "Design___024root.h"

#include <cstdint>
#include <cstring>

// The logic behind the inputs; what the rising edge of the only clock does, and the logic behind it.
void Design___024root___eval_ico(Design___024root *);
void Design___024root___eval_nba(Design___024root *);

// Verilator's name of a port of a bundle.
#define PORT(bundle, member) bundle##___05F##member

constexpr size_t LANES = LIGHTDEAL_LANES;

class Model {
    VerilatedContext context;
    Design design{&context};
    bool changed = true;  // an input, since the last evaluation

    template <class Port> void put(Port &port, Port value) {
        changed |= port != value;
        port = value;
    }

    // A state that something else has made.
    void settle() {
        design.eval();
        advance();
    }

public:
    // As at power-up: memories and registers.
    void start(bool skip) {
        design.skip = skip;
        settle();
    }

    // Nothing offered; memories keep what they hold. The design comes without logic for its reset
    // (`sim.backends.verilated`): a register with a declared value has that after power-up and after reset, so it
    // is powered up again.
    void reset() {
        put<CData>(design.PORT(i_program, valid), 0);
        put<CData>(design.PORT(i_image, valid), 0);
        evaluate();
        advance();
        design.rootp->vlSymsp->__Vm_didInit = false;
        settle();
    }

    void evaluate() {
        if (!changed) return;
        design.rootp->__VicoTriggered[0] = 1;
        Design___024root___eval_ico(design.rootp);
        changed = false;
    }

    void advance() {
        design.rootp->__VnbaTriggered[0] = 1;
        Design___024root___eval_nba(design.rootp);
    }

    void offer_program(bool valid, uint32_t word) {
        put<CData>(design.PORT(i_program, valid), valid);
        put<IData>(design.PORT(i_program, payload), word);
    }

    // Packed lanes: all of Verilator's types hold the low byte first on the machines that we know.
    void offer_image(bool valid, const uint8_t *lanes, bool last) {
        put<CData>(design.PORT(i_image, valid), valid);
        if (!valid) return;
        auto &payload = design.PORT(i_image, payload);
        auto word = payload;
        static_assert(sizeof word > LANES);
        std::memset(&word, 0, sizeof word);
        std::memcpy(&word, lanes, LANES);
        reinterpret_cast<uint8_t *>(&word)[LANES] = last;
        put(payload, word);
    }

    void take(bool ready) { put<CData>(design.PORT(o_result, ready), ready); }

    bool program_ready() const { return design.PORT(i_program, ready); }
    bool image_ready() const { return design.PORT(i_image, ready); }
    bool result_valid() const { return design.PORT(o_result, valid); }
    const uint8_t *result() const { return reinterpret_cast<const uint8_t *>(&design.PORT(o_result, payload)); }
    bool result_last() const { return result()[LANES] & 1; }
    bool trace_valid() const { return design.PORT(trace, valid); }
    uint32_t trace_address() const { return design.PORT(trace, address); }
    uint64_t trace_enable() const { return design.PORT(trace, enable); }
    const uint8_t *trace_data() const { return reinterpret_cast<const uint8_t *>(&design.PORT(trace, data)); }
    bool loaded() const { return design.loaded; }
    bool busy() const { return design.busy; }
    uint32_t error() const { return design.error; }
    uint64_t counter() const { return design.cycles; }
};
