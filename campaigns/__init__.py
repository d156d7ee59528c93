"""The cadence language, who is due for what, and what messages say. Pure: decides and renders, reads and sends nothing."""
