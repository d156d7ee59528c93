"""The vocabulary that every other folder speaks: frozen values, closed enumerations, errors.

Standard library only; imports nothing of the project. Data comes from nowhere and goes everywhere.
"""
