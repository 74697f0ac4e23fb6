"""The documentation: its code runs, its site builds."""
