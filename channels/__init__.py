"""The code that speaks to providers: one file an adapter, the registry, the sandbox. See docs/channels.md."""
