// A program and images through the design that CXXRTL makes of the accelerator, without stalls; prints clock
// cycles and processor seconds. Only a measure: nothing is compared.
//
// Input file, 32-bit words: program words, images, words of an image, lanes, result words; then the program's
// words and the images' bytes. One evaluation a cycle with the edge pending: ports are read before commit().

#include "design.cc"

#include <cstdio>
#include <cstring>
#include <ctime>
#include <vector>

static double processor() {
    timespec time;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return time.tv_sec + 1e-9 * time.tv_nsec;
}
template <size_t Bits> uint32_t low(const cxxrtl::value<Bits> &port) { return port.data[0]; }
template <size_t Bits> uint32_t low(const cxxrtl::wire<Bits> &port) { return port.curr.data[0]; }

int main(int, char **arguments) {
    std::FILE *file = std::fopen(arguments[1], "rb");
    uint32_t head[5];
    if (!file || std::fread(head, 4, 5, file) != 5) return 1;
    const uint32_t lanes = head[3], words = head[2];
    std::vector<uint32_t> program(head[0]);
    std::vector<uint8_t> images(size_t(head[1]) * words * lanes);
    if (std::fread(program.data(), 4, program.size(), file) != program.size()) return 1;
    if (std::fread(images.data(), 1, images.size(), file) != images.size()) return 1;

    cxxrtl_design::p_accelerator design;
    uint64_t cycles = 0;
    auto evaluate = [&] {
        design.prev_p_clk.data[0] = 0;
        design.p_clk.data[0] = 1;
        design.eval();
        cycles++;
    };
    const double start = processor();
    design.p_rst.data[0] = 1;
    for (int i = 0; i < 2; i++) evaluate(), design.commit();
    design.p_rst.data[0] = 0;
    for (uint32_t sent = 0, loaded = 0; !(loaded && sent == head[0]);) {
        design.p_i__program____valid.data[0] = sent < head[0];
        if (sent < head[0]) design.p_i__program____payload.data[0] = program[sent];
        evaluate();
        sent += sent < head[0] && low(design.p_i__program____ready);
        loaded = low(design.p_loaded);
        if (low(design.p_error)) return 1;
        design.commit();
    }
    design.p_i__program____valid.data[0] = 0;
    design.p_o__result____ready.data[0] = 1;
    for (uint32_t image = 0; image < head[1]; image++) {
        for (uint32_t sent = 0, received = 0, busy = 1; sent < words || received < head[4] || busy;) {
            auto &payload = design.p_i__image____payload;
            design.p_i__image____valid.data[0] = sent < words;
            if (sent < words) {
                std::memset(payload.data, 0, sizeof payload.data);
                std::memcpy(payload.data, &images[(size_t(image) * words + sent) * lanes], lanes);
                payload.data[lanes / 4] |= uint32_t(sent + 1 == words) << 8 * (lanes % 4);
            }
            evaluate();
            sent += sent < words && low(design.p_i__image____ready);
            received += low(design.p_o__result____valid);
            busy = low(design.p_busy);
            if (low(design.p_error)) return 1;
            design.commit();
        }
    }
    std::printf("%llu %.6f\n", static_cast<unsigned long long>(cycles), processor() - start);
}
