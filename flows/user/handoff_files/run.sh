#!/bin/sh
# Compiles and runs the bench with Icarus Verilog; exit code 0 means PASS.
# sh run.sh +waveform=image.vcd leaves a waveform.
set -eu
cd "$(dirname "$0")"
simulation=$(mktemp)
trap 'rm -f "$simulation"' EXIT
iverilog -g2012 -s testbench -o "$simulation" -f filelist.f
vvp -n "$simulation" "$@"
