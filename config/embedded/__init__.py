"""PostgreSQL and Valkey from wheels, in a data folder, for those who have no servers of their own.

`servers` is the way in; `postgres` and `valkey` know one server each; `state` the folder and its secrets;
`processes` how a server is launched and found again.
"""
