// Gates beside RTL under the same recorded inputs; every output is compared before every
// rising edge, once memories are loaded.
// Where the RTL has an unknown bit (memory that was never written) the gates may have any.
`timescale 1ns/1ps
module bench;
  reg clk = 0;
  reg [`INPUTS-1:0] in = 0;
  reg [`INPUTS-1:0] vectors [0:`CYCLES-1];
  wire [`OUTPUTS-1:0] gates_out, rtl_out;
  integer cycle, bit_, wrong, differ = 0;
  gates_side gates(.clk(clk), .in(in), .out(gates_out));
  rtl_side rtl(.clk(clk), .in(in), .out(rtl_out));
  initial begin
    $readmemh("vectors.hex", vectors);
    $dumpfile("gates.vcd");
    for (cycle = 0; cycle < `CYCLES; cycle = cycle + 1) begin
      if (cycle == `MEASURED) $dumpvars(1, gates.unit);
      #1 in = vectors[cycle];
      #4 wrong = 0;
      if (cycle >= `MEASURED && gates_out !== rtl_out)
        for (bit_ = 0; bit_ < `OUTPUTS; bit_ = bit_ + 1)
          if (rtl_out[bit_] !== 1'bx && gates_out[bit_] !== rtl_out[bit_]) wrong = 1;
      if (wrong) begin
        differ = differ + 1;
        if (differ <= 5) $display("cycle %0d: gates %h, RTL %h", cycle, gates_out, rtl_out);
      end
      clk = 1;
      #5 clk = 0;
    end
    $display("cycles %0d, differing %0d", `CYCLES - `MEASURED, differ);
    $finish;
  end
endmodule
