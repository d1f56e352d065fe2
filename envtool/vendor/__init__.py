"""What the vendor torch is: its version grammar, releases, pin, sources and the wheel store."""
