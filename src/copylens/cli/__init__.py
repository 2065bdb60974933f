"""The command line: each command parses its words, calls one workflow, and prints what came back."""
