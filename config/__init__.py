"""Settings, the clock, logs, the embedded servers; and policy packs, sample campaigns and templates as data."""
