// Somebody else's design: its own counters and memories around the accelerator, which is one instance.
// A program comes from a ROM, one image from another; the class with the largest result is what it says.
`timescale 1ns / 1ps
module verilog_top;
    `include "sizes.vh"                      // LANES and the numbers of words
    reg clk = 0, rst = 1;
    always #5 clk = ~clk;
    initial #32 rst = 0;                     // synchronous: high at one edge of the clock or more

    reg [31:0] program_rom [0:PROGRAM_WORDS-1];
    reg [8*LANES-1:0] image_rom [0:IMAGE_WORDS-1];
    initial $readmemh("program.mem", program_rom);
    initial $readmemh("image.mem", image_rom);

    wire loaded, busy, program_ready, image_ready, result_valid;
    wire [3:0] error;
    wire [31:0] cycles;
    wire [8*LANES:0] result;                 // lane 0 low; the highest bit marks the last word of a frame

    // Both streams into the accelerator: valid with a word, the next one after valid and ready.
    integer program_at = 0, image_at = 0;
    wire program_valid = !rst && program_at < PROGRAM_WORDS;
    wire image_valid = loaded && image_at < IMAGE_WORDS;
    always @(posedge clk) if (!rst) begin
        if (program_valid && program_ready) program_at <= program_at + 1;
        if (image_valid && image_ready) image_at <= image_at + 1;
    end

    accelerator accelerator (
        .clk(clk), .rst(rst), .skip(1'b1), .error(error), .loaded(loaded), .busy(busy), .cycles(cycles),
        .i_program__payload(program_rom[program_at]),
        .i_program__valid(program_valid), .i_program__ready(program_ready),
        .i_image__payload({image_at == IMAGE_WORDS - 1, image_rom[image_at]}),
        .i_image__valid(image_valid), .i_image__ready(image_ready),
        .o_result__payload(result), .o_result__valid(result_valid), .o_result__ready(1'b1),
        .trace__valid(), .trace__address(), .trace__enable(), .trace__data()
    );

    // A class is a word of the result, its value lane 0.
    integer number = 0, best = 0;
    reg signed [7:0] largest = -128;
    always @(posedge clk) begin
        if (error != 0) begin $display("error %0d", error); $finish; end
        if (result_valid) begin
            $display("class %0d: %0d", number, $signed(result[7:0]));
            if ($signed(result[7:0]) > largest) begin largest = $signed(result[7:0]); best = number; end
            number = number + 1;
            if (result[8*LANES]) begin
                $display("best %0d after %0d cycles", best, cycles);
                $finish;
            end
        end
    end
endmodule
