"""A worker on gRPC's C core (Debian's python3-grpcio): the implementation that most languages' gRPC stands on.

Prints its port, then obeys lines on stdin: "drain" stops gently, "end" stops. The messages are taken apart by hand,
so that nothing needs to be generated: this file tests the wire, docs/writing-a-linter.md shows the proper way.
"""
import sys
from concurrent import futures

import grpc


def varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value, at


def texts(data):
    fields, at = {}, 0
    while at < len(data):
        tag, at = varint(data, at)
        size, at = varint(data, at)
        fields[tag >> 3] = data[at : at + size]
        at += size
    return fields


def field(number, content):
    size, length = b"", len(content)
    while length >= 0x80:
        size += bytes([length & 0x7F | 0x80])
        length >>= 7
    return bytes([number << 3 | 2]) + size + bytes([length]) + content


def lint(request, context):
    fields = texts(request)
    name = fields.get(2, b"").decode()
    if name.startswith("status "):
        context.set_trailing_metadata([("lintel-queue-depth", "42")] + [("x-%d" % i, "v" * 60) for i in range(60)])
        context.abort([code for code in grpc.StatusCode if code.value[0] == int(name[7:])][0], "grüße 100 %")
    if name == "time":
        return field(1, b"%d" % context.time_remaining())
    return field(1, fields.get(1, b"")) + b"\x10\x03"


def describe(_request, _context):
    return field(1, b"python") + field(2, b"1.51") + field(3, b"c-core")


def main():
    options = [tuple(pair.split("=")) for pair in sys.argv[1:]]
    options = [(name, int(value)) for name, value in options] + [("grpc.max_receive_message_length", -1)]
    server = grpc.server(futures.ThreadPoolExecutor(4), options=options)
    handlers = {"Lint": grpc.unary_unary_rpc_method_handler(lint), "Describe": grpc.unary_unary_rpc_method_handler(describe)}
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("lintel.v1.Linter", handlers),))
    print(server.add_insecure_port("127.0.0.1:0"), flush=True)
    server.start()
    for line in sys.stdin:
        if line.strip() == "drain":
            server.stop(5)
        else:
            break
    server.stop(0).wait()


main()
