// The accelerator as C++ that CXXRTL made: what sim/backends/compiled.cc asks of a model.
//
// One evaluation per clock cycle: a CXXRTL evaluation with a rising edge pending computes this
// cycle's combinational values and the registers' next values in the same pass, so that ports are
// read between eval() and commit(), and commit() moves to the next cycle. This needs a design
// with one clock and no word that depends on itself, so that eval() converges at once.

#include "accelerator.cc"

#include <cstdint>
#include <cstdio>
#include <cstring>
#ifdef LIGHTDEAL_WAVEFORM
#include <cxxrtl/cxxrtl_vcd.h>
#endif

constexpr size_t LANES = LIGHTDEAL_LANES;

class Model {
    using design_t = cxxrtl_design::p_accelerator;
    design_t design;

    template <size_t Bits> static const cxxrtl::value<Bits> &seen(const cxxrtl::value<Bits> &port) { return port; }
    template <size_t Bits> static const cxxrtl::value<Bits> &seen(const cxxrtl::wire<Bits> &port) { return port.curr; }
    template <class Port> static uint64_t number(const Port &port) {
        return seen(port).template zcast<64>().template get<uint64_t>();
    }
    // Packed lanes: the chunks of a CXXRTL value are 32-bit words, the low one first.
    template <class Port> static const uint8_t *bytes(const Port &port) {
        return reinterpret_cast<const uint8_t *>(seen(port).data);
    }

#ifdef LIGHTDEAL_WAVEFORM
    uint64_t total = 0;  // clock cycles since the start
    cxxrtl::debug_items items;
    cxxrtl::vcd_writer vcd;
    std::FILE *file = nullptr;

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

public:
    // As at power-up: memories and registers.
    void start(bool skip) { design.p_skip.data[0] = skip; }

    // Two cycles of reset, nothing offered; memories keep what they hold.
    void reset() {
        design.p_i__program____valid.data[0] = 0;
        design.p_i__image____valid.data[0] = 0;
        design.p_rst.data[0] = 1;
        for (int i = 0; i < 2; i++) {
            evaluate();
            advance();
        }
        design.p_rst.data[0] = 0;
    }

    void evaluate() {
        design.prev_p_clk.data[0] = 0;
        design.p_clk.data[0] = 1;
        design.eval();
    }

    void advance() {
#ifdef LIGHTDEAL_WAVEFORM
        if (file) sample();
        total++;
#endif
        design.commit();
    }

    void offer_program(bool valid, uint32_t word) {
        design.p_i__program____valid.data[0] = valid;
        design.p_i__program____payload.data[0] = word;
    }

    void offer_image(bool valid, const uint8_t *lanes, bool last) {
        design.p_i__image____valid.data[0] = valid;
        if (!valid) return;
        auto &payload = design.p_i__image____payload;
        std::memset(payload.data, 0, sizeof payload.data);
        std::memcpy(payload.data, lanes, LANES);
        payload.data[LANES / 4] |= uint32_t(last) << 8 * (LANES % 4);
    }

    void take(bool ready) { design.p_o__result____ready.data[0] = ready; }

    bool program_ready() const { return number(design.p_i__program____ready); }
    bool image_ready() const { return number(design.p_i__image____ready); }
    bool result_valid() const { return number(design.p_o__result____valid); }
    const uint8_t *result() const { return bytes(design.p_o__result____payload); }
    bool result_last() const { return result()[LANES] & 1; }
    bool trace_valid() const { return number(design.p_trace____valid); }
    uint32_t trace_address() const { return uint32_t(number(design.p_trace____address)); }
    uint64_t trace_enable() const { return number(design.p_trace____enable); }
    const uint8_t *trace_data() const { return bytes(design.p_trace____data); }
    bool loaded() const { return number(design.p_loaded); }
    bool busy() const { return number(design.p_busy); }
    uint32_t error() const { return uint32_t(number(design.p_error)); }
    uint64_t counter() const { return number(design.p_cycles); }

#ifdef LIGHTDEAL_WAVEFORM
    bool wave_begin(const char *path) {
        file = std::fopen(path, "wb");
        if (!file) return false;
        design.debug_info(&items, nullptr, "accelerator ");
        vcd.timescale(1, "ns");
        vcd.add_without_memories(items);
        return true;
    }

    bool wave_end() {
        const bool whole = !std::ferror(file);
        const bool closed = !std::fclose(file);
        file = nullptr;
        return whole && closed;
    }
#endif
};
