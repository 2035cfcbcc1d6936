"""What was decided, written into the file."""
