"""One module per command: `command` (a function) is a command, `app` (a `typer.Typer`) a group of them.

`forbear.cli` finds them by their file names; the first line of a module's docstring is its line in `forbear --help`.
"""
