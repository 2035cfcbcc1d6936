"""`--generate-router`: weighted traffic between deployments becomes a router deployment."""
