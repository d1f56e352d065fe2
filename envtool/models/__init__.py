"""Small models that really learn: fetched, run in an environment or an image, and judged."""
