"""The commands that show things in a terminal."""
