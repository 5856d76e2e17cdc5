#!/usr/bin/env python3
"""A device of `handler.py`, and what it expects: `device.py PORT NAME BROKER`."""

import socket
import subprocess
import sys

port, name, broker = sys.argv[1:]
device = socket.create_connection(("127.0.0.1", int(port)), timeout=60)
lines = device.makefile("rwb")


def say(text):
    lines.write(text.encode())
    lines.flush()


def expect(text):
    got = lines.readline()
    assert got == text.encode(), (got, text)


# Cut where no line ends.
say(name[:2])
say(name[2:] + "\nfirst\nsec")
expect(f"hello {name}\n")
expect("FIRST\n")
say("ond\n")
expect("SECOND\n")
subprocess.run(["mosquitto_pub", "-p", broker, "-t", f"{name}/down", "-q", "1", "-m", "to you"], check=True)
expect("to you\n")
# The answer to what comes with the end.
say("last\n")
device.shutdown(socket.SHUT_WR)
expect("LAST\n")
assert lines.readline() == b""
