"""Portfolios: files of accounts in arrears, read by a mapping, checked row by row and merged as a whole.

Data comes from a creditor's file and goes, sealed, into `storage/import_portfolio.py`. Reading and checking are pure.
"""
