"""Ports for what is started again where it was, or is told its port: between its two lives nobody else gets
one by chance, because they lie below those that the kernel gives (ip_local_port_range, ip(7))."""
import secrets
import socket

FIRST, COUNT = 20000, 12000


def free_port():
    while True:
        port = FIRST + secrets.randbelow(COUNT)
        with socket.socket() as s:
            try:
                s.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


def fixed_addresses():
    """Keys of causeway.conf: a hub that starts again listens where it did."""
    return {name: f"127.0.0.1:{free_port()}" for name in ("listen", "mllp_listen", "admin_listen")}
