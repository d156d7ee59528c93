"""What people and providers see: the live page, debtors' timelines, webhooks, links in messages, metrics, health."""
