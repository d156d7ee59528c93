"""The launcher and the command line: all that an installed Forbear puts into site-packages."""
