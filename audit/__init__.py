"""The independent replay of the ledger: judges every contact anew in its own slow, obvious way. Shares no code with the engine."""
