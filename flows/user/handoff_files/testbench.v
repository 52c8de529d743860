// Self-checking bench of one accelerator: loads the program, runs every image, and compares every
// byte that the accelerator writes, every result word and every cycle count with what the golden
// model expects. Stops at the first difference. sizes.vh holds the sizes and the names of the layers.
`timescale 1ns / 1ps
`default_nettype none

module testbench;
    `include "sizes.vh"

    reg clk = 0, rst = 1;
    always #5 clk = ~clk;

    reg [31:0]        program_words [0:PROGRAM_WORDS - 1];
    reg [8*LANES-1:0] image_words [0:IMAGES * IMAGE_WORDS - 1];
    reg [8*LANES-1:0] result_words [0:IMAGES * RESULT_WORDS - 1];
    reg [LANES-1:0]   result_masks [0:RESULT_WORDS - 1];
    reg [31:0]        cycle_counts [0:IMAGES - 1];
    // The words of all layers, one layer after the other; a mask bit is set where a byte holds a pixel.
    reg [8*LANES-1:0] layer_words [0:IMAGES * TOTAL_WORDS - 1];
    reg [LANES-1:0]   layer_masks [0:TOTAL_WORDS - 1];
    reg [LANES-1:0]   written [0:TOTAL_WORDS - 1];

    initial begin
        $readmemh("program.mem", program_words);
        $readmemh("image.mem", image_words);
        $readmemh("result.mem", result_words);
        $readmemh("result_mask.mem", result_masks);
        $readmemh("cycles.mem", cycle_counts);
        $readmemh("trace.mem", layer_words);
        $readmemh("trace_mask.mem", layer_masks);
    end

    integer program_index = 0, image_index = 0, result_index = 0;
    integer image = 0;         // number of the image that runs
    integer layer = 0;         // number of the layer that writes
    integer layer_base = 0;    // its first word in layer_words
    integer bytes_left = 0;    // bytes that it has still to write
    integer words_seen = 0, values = 0;
    integer cycle = 0;         // since reset, or since the image's first word was offered
    integer settle = 0;
    integer offset, lane, word;

    wire        program_ready, image_ready, result_valid, loaded, busy, trace_valid;
    wire [3:0]  error;
    wire [31:0] cycles;
    wire [8*LANES:0]   result_payload;
    wire [8*LANES-1:0] trace_data;
    wire [LANES-1:0]   trace_enable;
    wire [ADDRESS_BITS-1:0] trace_address;
    wire program_valid = !rst && program_index < PROGRAM_WORDS;
    wire image_last = image_index == (image + 1) * IMAGE_WORDS - 1;
    wire image_valid = !rst && loaded && image_index < (image + 1) * IMAGE_WORDS && image < IMAGES;

    accelerator dut (
        .clk(clk),
        .rst(rst),
        .i_program__payload(program_words[program_index]),
        .i_program__valid(program_valid),
        .i_program__ready(program_ready),
        .i_image__payload({image_last, image_words[image_index]}),
        .i_image__valid(image_valid),
        .i_image__ready(image_ready),
        .o_result__payload(result_payload),
        .o_result__valid(result_valid),
        .o_result__ready(1'b1),
        .skip(SKIP),
        .error(error),
        .loaded(loaded),
        .busy(busy),
        .cycles(cycles),
        .trace__valid(trace_valid),
        .trace__address(trace_address),
        .trace__enable(trace_enable),
        .trace__data(trace_data)
    );

    task begin_image;
        begin
            layer = 0;
            layer_base = 0;
            bytes_left = layer_bytes(0);
            result_index = 0;
            settle = 0;
            cycle = 0;
            for (word = 0; word < TOTAL_WORDS; word = word + 1) written[word] = 0;
        end
    endtask

    task check_write;
        begin
            offset = trace_address - layer_first(layer);
            if (layer == LAYERS)
                $fatal(1, "FAIL: image %0d: write to word %0d after the last layer, cycle %0d",
                       image, trace_address, cycle);
            if (offset < 0 || offset >= layer_size(layer))
                $fatal(1, "FAIL: image %0d, layer %0s: write to word %0d, outside its tensor, cycle %0d",
                       image, layer_name(layer), trace_address, cycle);
            word = layer_base + offset;
            for (lane = 0; lane < LANES; lane = lane + 1)
                if (trace_enable[lane]) begin
                    bytes_left = bytes_left - 1;
                    if (written[word][lane])
                        $fatal(1, "FAIL: image %0d, layer %0s: word %0d, lane %0d written twice, cycle %0d",
                               image, layer_name(layer), trace_address, lane, cycle);
                    written[word][lane] = 1;
                    if (layer_masks[word][lane]) begin
                        values = values + 1;
                        if (trace_data[8*lane +: 8] !== layer_words[image * TOTAL_WORDS + word][8*lane +: 8])
                            $fatal(1, "FAIL: image %0d, layer %0s: word %0d, lane %0d: expected %h, got %h, cycle %0d",
                                   image, layer_name(layer), trace_address, lane,
                                   layer_words[image * TOTAL_WORDS + word][8*lane +: 8],
                                   trace_data[8*lane +: 8], cycle);
                    end
                end
            if (bytes_left == 0) begin
                layer_base = layer_base + layer_size(layer);
                layer = layer + 1;
                bytes_left = layer < LAYERS ? layer_bytes(layer) : 1;
            end
        end
    endtask

    task check_result;
        begin
            if (result_index == RESULT_WORDS)
                $fatal(1, "FAIL: image %0d: more than %0d result words", image, RESULT_WORDS);
            for (lane = 0; lane < LANES; lane = lane + 1)
                if (result_masks[result_index][lane] && result_payload[8*lane +: 8]
                        !== result_words[image * RESULT_WORDS + result_index][8*lane +: 8])
                    $fatal(1, "FAIL: image %0d: result word %0d, lane %0d: expected %h, got %h",
                           image, result_index, lane,
                           result_words[image * RESULT_WORDS + result_index][8*lane +: 8],
                           result_payload[8*lane +: 8]);
            result_index = result_index + 1;
            if (result_payload[8*LANES] !== (result_index == RESULT_WORDS))
                $fatal(1, "FAIL: image %0d: result word %0d: last is %b, %0d words expected",
                       image, result_index - 1, result_payload[8*LANES], RESULT_WORDS);
        end
    endtask

    task end_image;
        begin
            if (layer != LAYERS)
                $fatal(1, "FAIL: image %0d, layer %0s: %0d bytes were never written",
                       image, layer_name(layer), bytes_left);
            if (cycles !== cycle_counts[image])
                $fatal(1, "FAIL: image %0d: expected %0d cycles, got %0d",
                       image, cycle_counts[image], cycles);
            $display("image %0d: %0d cycles, %0d values equal so far", image, cycles, values);
            image = image + 1;
            if (image == IMAGES) begin
                $display("PASS: %0d images, %0d values", IMAGES, values);
                $finish;
            end
            begin_image;
        end
    endtask

    reg [8*256-1:0] waveform;
    initial begin
        if ($value$plusargs("waveform=%s", waveform)) begin
            // The ports of the accelerator and of the units right below it.
            $dumpfile(waveform);
            $dumpvars(1, dut);
        end
        begin_image;
        repeat (4) @(negedge clk);
        rst = 0;
    end

    // Checks look at the values before the clock edge; inputs change behind it, at the falling edge.
    reg program_taken, image_taken;
    always @(posedge clk) begin
        program_taken = program_valid && program_ready;
        image_taken = image_valid && image_ready;
        cycle = cycle + 1;
        if (!rst) begin
            if (error !== 0) $fatal(1, "FAIL: image %0d: error code %0d, cycle %0d", image, error, cycle);
            if (trace_valid === 1'b1) check_write;
            if (result_valid === 1'b1) check_result;
            if (result_index == RESULT_WORDS) settle = settle + 1;
            if (settle == 4) end_image;
            if (cycle == CYCLE_LIMIT)
                $fatal(1, "FAIL: image %0d: no end after %0d cycles", image, CYCLE_LIMIT);
        end
    end
    always @(negedge clk) begin
        if (program_taken) program_index = program_index + 1;
        if (image_taken) image_index = image_index + 1;
    end
endmodule
