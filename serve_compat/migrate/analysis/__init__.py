"""What the code of one file means: its names, values and calls, whatever is done about them later."""
