"""What deploy/ has, run by the programs that it is for: Prometheus, Kubernetes, Ansible, on loopback."""
