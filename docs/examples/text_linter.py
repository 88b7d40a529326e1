#!/usr/bin/env python3
"""A complete linter for Lintel: plain text, three rules. docs/writing-a-linter.md explains it.

Needs the packages grpcio, grpcio-tools and protobuf (Debian: python3-grpcio python3-grpc-tools python3-protobuf).
"""
import argparse
import asyncio
import hashlib
import json
import signal
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from pathlib import Path

import grpc
from grpc_tools import protoc

PROTO_FOLDER = Path(__file__).resolve().parents[2] / "proto"


# --- The contract, compiled when the program starts -------------------------------------------------------------------


def compile_contract(*names):
    """Turns .proto files into Python modules in a folder of their own and imports them."""
    with tempfile.TemporaryDirectory() as folder:
        if protoc.main(["protoc", f"-I{PROTO_FOLDER}", f"--python_out={folder}", *names]) != 0:
            sys.exit(f"text_linter: cannot compile {', '.join(names)} in {PROTO_FOLDER}")
        sys.path.insert(0, folder)
        modules = [import_module(Path(name).with_suffix("").as_posix().replace("/", ".") + "_pb2") for name in names]
        sys.path.remove(folder)
    return modules


# The folder must not be called grpc: that is the library's own name.
(messages,) = compile_contract("lintel/v1/linter.proto")

LINTER_NAME = "text-linter"
LINTER_VERSION = "1.0.0"


# --- The analysis: a pure function from a source to a report ----------------------------------------------------------

LINE_LENGTH_MAX = 120


class Rejection(Exception):
    """The source or the options cannot be analysed. The message is shown to the end user."""


def column_of(line, index):
    """A report's columns count UTF-16 code units from 1; Python counts characters from 0."""
    return len(line[:index].encode("utf-16-le")) // 2 + 1


def lint(source, filename, options_json):
    """The report on a source, as bytes. The same request always gives the same bytes."""
    try:
        text = source.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Rejection(f"The source is not valid UTF-8 at byte {error.start + 1}.") from error
    line_length_max = read_options(options_json)
    diagnostics = []
    for number, line in enumerate(text.split("\n"), start=1):
        line = line.removesuffix("\r")
        diagnostics.extend(check_line(number, line, line_length_max))
    diagnostics.sort(key=lambda one: (one["range"]["start"]["line"], one["range"]["start"]["column"], one["rule"]))
    return to_report(diagnostics)


def read_options(options_json):
    """The line length. Options are data, and what is not known is refused by name."""
    try:
        options = json.loads(options_json or "{}")
    except ValueError as error:
        raise Rejection("The options are not valid JSON.") from error
    if not isinstance(options, dict):
        raise Rejection("The options must be a JSON object.")
    for name in options:
        if name != "line-length":
            raise Rejection(f'{LINTER_NAME} has no option "{name}".')
    length = options.get("line-length", LINE_LENGTH_MAX)
    if not isinstance(length, int) or length < 1:
        raise Rejection('The option "line-length" must be a whole number of at least 1.')
    return length


def check_line(number, line, line_length_max):
    stripped = line.rstrip(" \t")
    if stripped != line:
        yield diagnostic("trailing-space", "warning", "Space at the end of the line.", number, line, len(stripped), len(line), fix="")
    if len(line) > line_length_max:
        message = f"The line has {len(line)} characters; at most {line_length_max} are allowed."
        yield diagnostic("line-length", "info", message, number, line, line_length_max, len(line))
    for index, character in enumerate(line):
        if ord(character) < 32 and character != "\t":
            yield diagnostic("control-character", "error", f"Control character U+{ord(character):04X}.", number, line, index, index + 1, fix="")


def diagnostic(rule, severity, message, number, line, start, end, fix=None):
    found_range = {
        "start": {"line": number, "column": column_of(line, start)},
        "end": {"line": number, "column": column_of(line, end)},
    }
    found = {"rule": rule, "severity": severity, "message": message, "range": found_range}
    if fix is not None:
        found["fixes"] = [{"message": "Remove it.", "safe": True, "edits": [{"range": found_range, "text": fix}]}]
    return found


def to_report(diagnostics):
    def count(severity):
        return sum(one["severity"] == severity for one in diagnostics)

    report = {
        "language": "text",
        "linter": {"name": LINTER_NAME, "version": LINTER_VERSION},
        "diagnostics": diagnostics,
        "summary": {
            "errors": count("error"),
            "warnings": count("warning"),
            "infos": count("info"),
            "hints": count("hint"),
            "fixable": sum("fixes" in one for one in diagnostics),
        },
    }
    return json.dumps(report, ensure_ascii=False).encode("utf-8")


# --- The Linter service -----------------------------------------------------------------------------------------------

SELF_TEST_SOURCE = b"trailing \n"
ANALYSES_MAX = 2
HELD_MAX = ANALYSES_MAX + 64
SOURCE_BYTES_MAX = 4 * 1024 * 1024


class LinterService:
    def __init__(self, version):
        self.version = version
        self.held = 0
        self.executor = ThreadPoolExecutor(max_workers=ANALYSES_MAX)

    async def describe(self, request, context):
        report = lint(SELF_TEST_SOURCE, "", "")
        return messages.DescribeResponse(
            language="text",
            version=self.version,
            linter_name=LINTER_NAME,
            linter_version=LINTER_VERSION,
            formats=["lintel.report.v1"],
            self_test=messages.SelfTest(source=SELF_TEST_SOURCE, filename="", report_sha256=hashlib.sha256(report).digest()),
        )

    async def lint(self, request, context):
        others = self.held
        context.set_trailing_metadata((("lintel-queue-depth", str(others)),))
        if others >= HELD_MAX:
            await context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, "The queue is full.")
        if len(request.source) > SOURCE_BYTES_MAX:
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, f"The source has {len(request.source)} bytes; at most {SOURCE_BYTES_MAX} are allowed.")
        self.held += 1
        try:
            # A call that is cancelled or past its deadline is cancelled here too, and leaves the executor's queue.
            work = asyncio.get_running_loop().run_in_executor(self.executor, lint, request.source, request.filename, request.options_json)
            report = await work
        except Rejection as rejection:
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(rejection))
        except Exception as error:  # pylint: disable=broad-except
            await context.abort(grpc.StatusCode.INTERNAL, f"The analysis failed: {error}")
        finally:
            self.held -= 1
        return messages.LintResponse(report=report, queue_depth=self.held)

    def handler(self):
        return grpc.method_handlers_generic_handler(
            "lintel.v1.Linter",
            {
                "Describe": grpc.unary_unary_rpc_method_handler(
                    self.describe,
                    request_deserializer=messages.DescribeRequest.FromString,
                    response_serializer=messages.DescribeResponse.SerializeToString,
                ),
                "Lint": grpc.unary_unary_rpc_method_handler(
                    self.lint,
                    request_deserializer=messages.LintRequest.FromString,
                    response_serializer=messages.LintResponse.SerializeToString,
                ),
            },
        )


# --- grpc.health.v1.Health: two methods whose messages are small enough to write down ---------------------------------

SERVING = b"\x08\x01"
NOT_SERVING = b"\x08\x02"


class HealthService:
    """HealthCheckResponse is one field, number 1, the status. Every service asked for is this one."""

    def __init__(self):
        self.serving = True
        self.watchers = 0
        self.changed = asyncio.Condition()

    async def check(self, request, context):
        return SERVING if self.serving else NOT_SERVING

    async def watch(self, request, context):
        """Says how it is, then how it becomes, until the watcher goes."""
        self.watchers += 1
        try:
            if self.serving:
                yield SERVING
                async with self.changed:
                    await self.changed.wait_for(lambda: not self.serving)
            yield NOT_SERVING
            await asyncio.get_running_loop().create_future()  # for ever: the watcher ends it
        finally:
            self.watchers -= 1

    async def drain(self, timeout_seconds):
        """Tells every watcher, then waits until the last has gone or the time is up."""
        async with self.changed:
            self.serving = False
            self.changed.notify_all()
        loop = asyncio.get_running_loop()
        end = loop.time() + timeout_seconds
        while self.watchers > 0 and loop.time() < end:
            await asyncio.sleep(0.05)

    def handler(self):
        return grpc.method_handlers_generic_handler(
            "grpc.health.v1.Health",
            {
                "Check": grpc.unary_unary_rpc_method_handler(self.check),
                "Watch": grpc.unary_stream_rpc_method_handler(self.watch),
            },
        )


# --- The program ------------------------------------------------------------------------------------------------------


async def serve(arguments):
    health = HealthService()
    linter = LinterService(arguments.as_version)
    server = grpc.aio.server(
        options=[
            ("grpc.max_receive_message_length", 2 * SOURCE_BYTES_MAX),
            ("grpc.max_send_message_length", -1),
            ("grpc.so_reuseport", 0),
        ]
    )
    server.add_generic_rpc_handlers((linter.handler(), health.handler()))
    try:
        port = server.add_insecure_port(arguments.listen)
    except RuntimeError:
        port = 0
    if port == 0:
        sys.exit(f"text_linter: cannot listen on {arguments.listen}: is the port in use?")
    await server.start()
    print(f"listening on {arguments.listen.rpartition(':')[0]}:{port}", flush=True)

    told_to_stop = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, told_to_stop.set)
    await told_to_stop.wait()
    await health.drain(timeout_seconds=30)
    await server.stop(grace=2)


def main():
    parser = argparse.ArgumentParser(description="Lints plain text for Lintel.")
    parser.add_argument("--listen", default="127.0.0.1:7090", help="HOST:PORT; port 0 takes any free one")
    parser.add_argument("--as-version", default=LINTER_VERSION, help="the version to report")
    asyncio.run(serve(parser.parse_args()))


if __name__ == "__main__":
    main()
