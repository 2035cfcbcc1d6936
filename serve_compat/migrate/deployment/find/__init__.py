"""What one file does with backends and endpoints, and how it uses them."""
