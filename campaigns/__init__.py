"""Campaigns: the cadence language, audiences, what to do next, and rendering. Pure: no database, no network, no clock."""
