"""The demo: weeks of a campaign in two minutes, with real processes on one accelerated clock."""
