"""Processes that do the work: dispatch, deliver, receive, sweep; the scheduler and the broker that join them."""
