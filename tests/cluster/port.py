"""A port for a program that needs to be given one."""

import socket


def free_port() -> int:
    """A port on the loopback address that is free now; somebody may take it before the program does."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
    return port
