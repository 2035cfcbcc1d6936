"""What an operator does from a shell: look at a running instance, move traffic, scale, delete, shut down."""
