"""A port for a program that must be told one."""

import socket


def free_port() -> int:
    """One of the loopback address that is free now; somebody may still take it before the program does."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
    return port
