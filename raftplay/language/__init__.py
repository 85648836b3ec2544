"""The command language: lexer, kinds of arguments, conditions, one table of commands, and completion."""
