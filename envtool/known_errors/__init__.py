"""What programs print when the service, its driver or a wrong torch stops them, each known by its words."""
