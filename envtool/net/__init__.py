"""HTTP and TLS: the only room that opens a connection to an index or a registry."""
