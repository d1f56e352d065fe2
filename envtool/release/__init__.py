"""What the vendor torch is: its version grammar, releases, pin and sources."""
