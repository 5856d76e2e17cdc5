//! Peers and inputs of the benchmarks.
