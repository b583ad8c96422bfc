"""Case histories become escalation indicators. Imports nothing else of this project."""
