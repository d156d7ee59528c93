"""Benchmarks that print JSON; `make bench` runs them all."""
