"""Environment → Findings: what is wrong with an environment's vendor torch, by whom, and what to type."""
