// Products of LUTs and carry chains, for parts without DSP blocks: a tree of rows, two digits of the narrower
// factor a row. Yosys' own choice, a tree of carry-save adders, takes three times the LUTs where a bit of a carry
// chain has room for the gates of both its operands (flows/synth/carry.py).

(* techmap_celltype = "$mul" *)
module _lightdeal_product (A, B, Y);
    parameter A_SIGNED = 0;
    parameter B_SIGNED = 0;
    parameter A_WIDTH = 1;
    parameter B_WIDTH = 1;
    parameter Y_WIDTH = 1;
    parameter _TECHMAP_CONSTMSK_A_ = 0;
    parameter _TECHMAP_CONSTMSK_B_ = 0;
    input [A_WIDTH-1:0] A;
    input [B_WIDTH-1:0] B;
    output [Y_WIDTH-1:0] Y;

    // Products with a constant are better left to Yosys.
    wire _TECHMAP_FAIL_ = &_TECHMAP_CONSTMSK_A_ || &_TECHMAP_CONSTMSK_B_;

    generate
        if (A_WIDTH < B_WIDTH)
            \$mul #(
                .A_SIGNED(B_SIGNED), .B_SIGNED(A_SIGNED), .A_WIDTH(B_WIDTH), .B_WIDTH(A_WIDTH), .Y_WIDTH(Y_WIDTH)
            ) _TECHMAP_REPLACE_ (.A(B), .B(A), .Y(Y));
        else begin
            localparam WIDTH = A_WIDTH + (A_SIGNED ? 0 : 1);
            wire signed [WIDTH-1:0] factor;
            wire signed [WIDTH+B_WIDTH-1:0] product;
            if (A_SIGNED) assign factor = $signed(A);
            else assign factor = A;
            \$__lightdeal_rows #(.WIDTH(WIDTH), .DIGITS(B_WIDTH), .NEGATIVE(B_SIGNED)) rows (
                .X(factor), .N(B), .Y(product)
            );
            assign Y = product;
        end
    endgenerate
endmodule

// Y = X * N; X is signed. NEGATIVE: the highest digit of N counts -2**(DIGITS-1).
(* techmap_celltype = "$__lightdeal_rows" *)
module _lightdeal_rows (X, N, Y);
    parameter WIDTH = 1;
    parameter DIGITS = 1;
    parameter NEGATIVE = 0;
    input signed [WIDTH-1:0] X;
    input [DIGITS-1:0] N;
    output [WIDTH+DIGITS-1:0] Y;

    localparam LOW = DIGITS == 2 ? 1 : (DIGITS + 3) / 4 * 2;
    localparam HIGH = DIGITS - LOW;

    generate
        if (DIGITS == 1) begin
            wire signed [WIDTH-1:0] row = X & {WIDTH{N[0]}};
            if (NEGATIVE) assign Y = -row;
            else assign Y = row;
        end else begin
            // The digits of LOW go round the sum. A sum of two single digits takes or subtracts the upper one,
            // so that both of its operands are mere gates.
            localparam SUBTRACT = HIGH == 1 && NEGATIVE;
            localparam SUM = WIDTH + HIGH;
            wire signed [WIDTH+LOW-1:0] low;
            wire signed [SUM-1:0] high, rest;
            wire [SUM-1:0] propagate, carry;
            \$__lightdeal_rows #(.WIDTH(WIDTH), .DIGITS(LOW), .NEGATIVE(0)) lower (.X(X), .N(N[LOW-1:0]), .Y(low));
            \$__lightdeal_rows #(.WIDTH(WIDTH), .DIGITS(HIGH), .NEGATIVE(SUBTRACT ? 0 : NEGATIVE)) upper (
                .X(X), .N(N[DIGITS-1:LOW]), .Y(high)
            );
            assign rest = low >>> LOW;
            assign Y[LOW-1:0] = low[LOW-1:0];
            // An $alu of its own: alumacc would join sums of sums to one carry-save adder.
            \$alu #(.A_SIGNED(1), .B_SIGNED(1), .A_WIDTH(SUM), .B_WIDTH(SUM), .Y_WIDTH(SUM)) sum (
                .A(rest), .B(high), .BI(SUBTRACT ? 1'b1 : 1'b0), .CI(SUBTRACT ? 1'b1 : 1'b0),
                .X(propagate), .Y(Y[WIDTH+DIGITS-1:LOW]), .CO(carry)
            );
        end
    endgenerate
endmodule
