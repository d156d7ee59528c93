"""What is kept: tables, migrations, sessions, encryption, the ledger, and the statements that read and write them."""
