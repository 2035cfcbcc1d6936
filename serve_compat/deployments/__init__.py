"""The deployment style of Ray 1.3-2.6: `@serve.deployment`, its options, and looking up what runs."""
