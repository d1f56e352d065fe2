"""Many machines and images: one report from what each of them said, and the units that have them say it."""
