"""Rules as decisions quote them."""

HOURS = {
    "pack": "cn-consumer-credit",
    "version": "2026-01-30",
    "rule": "hours",
    "cite": "GB/T 45251-2025 5.3; 银行业协会催收工作指引 2026",
    "effect": "defers",
    "why": "It is 22:40 in Asia/Shanghai; contact is permitted from 08:00 to 22:00.",
}
WEEK = {
    "pack": "cn-consumer-credit",
    "version": "2026-01-30",
    "rule": "house-messages-week",
    "cite": "House rule, for want of a number (民法典 1033; 个人信息保护法 6)",
    "effect": "defers",
    "why": "7 messages in the last 7 days; at most 7 are permitted.",
}
DISPUTE = {
    "pack": "debtor-wishes",
    "version": "1",
    "rule": "dispute",
    "cite": "Debtor’s dispute",
    "effect": "refuses",
    "why": "A dispute is open and not answered; an answer to it would change that.",
}
