"""Names that `ray.serve` had or has and this package has not, and the errors that explain them."""
