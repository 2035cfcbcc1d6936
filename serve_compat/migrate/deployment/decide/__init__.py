"""Which deployments backends and endpoints become, or why they have to stay."""
