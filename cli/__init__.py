"""The command line: `ledgerbridge`. One module per noun; `cli.main` puts them together."""
