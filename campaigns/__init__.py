"""The cadence language, audiences, what to do next, and what messages say. Pure: no database, no network, no clock."""
