"""Files and what is in them: which are meant, how they are read, and how they are written back."""
