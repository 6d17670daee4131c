"""The end-to-end benchmark suite: `scripts/bench` (bench/run.py) runs it."""
