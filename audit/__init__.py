"""The independent replay of the ledger: judges every contact anew, slowly and obviously, by code of its own."""
