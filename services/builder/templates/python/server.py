"""The HTTP server around a handler, with nothing but the standard library. Events, contexts and results are those of
OpenFaaS's python3-http template."""
import json
import os
import re
import socket
import threading
import time
import traceback
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, unquote

UNITS = {'ms': 0.001, 's': 1, 'm': 60, 'h': 3600}
BODY_LIMIT = 1024 * 1024 * 1024


class Settings:
    def __init__(self, port, write_timeout, in_flight_limit):
        self.port = port
        self.write_timeout = write_timeout
        self.in_flight_limit = in_flight_limit

    @staticmethod
    def read(env):
        return Settings(
            int(env.get('port') or 8080),
            seconds(env.get('write_timeout') or '60s', 'write_timeout'),
            int(env.get('max_inflight') or 0),
        )


def seconds(text, name):
    if text.isdigit():
        return int(text)
    if not re.fullmatch(r'(?:\d+(?:\.\d+)?(?:ms|s|m|h))+', text):
        raise ValueError('%s: "%s" is not a duration like "30s" or "5m"' % (name, text))
    return sum(float(amount) * UNITS[unit] for amount, unit in re.findall(r'(\d+(?:\.\d+)?)(ms|s|m|h)', text))


class Query(dict):
    """The first value of each parameter; `getlist` has them all."""

    def __init__(self, text):
        self._pairs = parse_qsl(text, keep_blank_values=True)
        super().__init__(reversed(self._pairs))

    def getlist(self, name):
        return [value for key, value in self._pairs if key == name]


class Event:
    def __init__(self, body, headers, method, query, path):
        self.body = body
        self.headers = headers
        self.method = method
        self.query = query
        self.path = path


class Context:
    def __init__(self):
        self.hostname = os.getenv('HOSTNAME', 'localhost')


class BadRequest(Exception):
    def __init__(self, status, message):
        super().__init__(message)
        self.status = status


def encode(body):
    """The bytes of a body, and the content type that it has unless the function says otherwise."""
    if body is None:
        return b'', 'text/html; charset=utf-8'
    if isinstance(body, (bytes, bytearray, memoryview)):
        return bytes(body), 'application/octet-stream'
    if isinstance(body, (dict, list)):
        return json.dumps(body).encode(), 'application/json'
    return str(body).encode(), 'text/html; charset=utf-8'


def response_of(result):
    """Status, headers and body of what a handler returned: nothing, a map with statusCode, body and headers,
    or, as in Flask, a body alone or a tuple of body, status and headers."""
    status, headers, body = 200, {}, result
    if isinstance(result, dict):
        status, headers, body = result.get('statusCode', 200), result.get('headers', {}), result.get('body')
    elif isinstance(result, tuple):
        body, rest = result[0], result[1:]
        for part in rest:
            if isinstance(part, int):
                status = part
            else:
                headers = part
    content, content_type = encode(body)
    pairs = [(str(name), str(value)) for name, value in (headers.items() if hasattr(headers, 'items') else headers or [])]
    if any(character in text for pair in pairs for text in pair for character in '\r\n'):
        raise ValueError('a header holds a line feed')
    if not any(name.lower() == 'content-type' for name, _ in pairs):
        pairs.append(('Content-Type', content_type))
    return int(status), pairs, content


class FunctionServer(ThreadingHTTPServer):
    daemon_threads = True
    # Waiting for idle connections would take for ever: requests are counted instead.
    block_on_close = False
    request_queue_size = 1024

    def __init__(self, handle, settings):
        self.handle = handle
        self.settings = settings
        self.is_draining = False
        self.in_flight = 0
        self.lock = threading.Lock()
        super().__init__(('0.0.0.0', settings.port), RequestHandler)

    def server_bind(self):
        # Without the look-up of the host's name that HTTPServer makes.
        socket.socket.setsockopt(self.socket, socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = 'function', self.server_address[1]

    def enter(self):
        with self.lock:
            limit = self.settings.in_flight_limit
            if limit > 0 and self.in_flight >= limit:
                return False
            self.in_flight += 1
            return True

    def leave(self):
        with self.lock:
            self.in_flight -= 1

    def wait_for_requests(self, timeout):
        self.socket.close()
        end = time.monotonic() + timeout
        while self.in_flight > 0 and time.monotonic() < end:
            time.sleep(0.02)


class RequestHandler(BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'
    # Longer than any client of ours keeps an idle connection.
    timeout = 75
    # One packet for head and body: without this, small answers wait for the peer's delayed acknowledgement.
    wbufsize = -1
    disable_nagle_algorithm = True

    def handle_any(self):
        path, _, query = self.path.partition('?')
        if path in ('/_/health', '/_/ready'):
            is_ready = path == '/_/health' or not self.server.is_draining
            self.drop_body()
            return self.answer(200 if is_ready else 503, [('Content-Type', 'text/plain')], b'OK' if is_ready else b'stopping')
        if not self.server.enter():
            self.close_connection = True
            return self.answer(429, [('Content-Type', 'text/plain')], b'max_inflight allows no more requests')
        try:
            self.call(path, query)
        finally:
            self.server.leave()

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = handle_any

    def call(self, path, query):
        try:
            event = Event(self.read_body(), self.headers, self.command, Query(query), unquote(path))
            status, headers, body = response_of(self.server.handle(event, Context()))
        except BadRequest as err:
            self.close_connection = True
            status, headers, body = err.status, [('Content-Type', 'text/plain')], str(err).encode()
        except Exception:
            traceback.print_exc()
            status, headers, body = 500, [('Content-Type', 'text/plain')], b'Internal Server Error'
        self.answer(status, headers, body)

    def answer(self, status, headers, body):
        if self.server.is_draining:
            self.close_connection = True
        self.send_response_only(status)
        is_empty = status in (204, 304) or status < 200
        for name, value in headers:
            if name.lower() not in ('content-length', 'transfer-encoding', 'connection'):
                self.send_header(name, value)
        if not is_empty:
            self.send_header('Content-Length', str(len(body)))
        if self.close_connection:
            self.send_header('Connection', 'close')
        self.end_headers()
        if not is_empty and self.command != 'HEAD':
            self.wfile.write(body)

    def read_body(self):
        if self.headers.get('Expect', '').lower() == '100-continue' and self.request_version >= 'HTTP/1.1':
            self.wfile.flush()
        if 'chunked' in self.headers.get('Transfer-Encoding', '').lower():
            return self.read_chunks()
        length = self.headers.get('Content-Length', '0')
        if not length.isdigit() or int(length) > BODY_LIMIT:
            raise BadRequest(413, 'the body is too large')
        body = self.rfile.read(int(length))
        if len(body) < int(length):
            raise BadRequest(400, 'the body ended early')
        return body

    def read_chunks(self):
        chunks, total = [], 0
        while True:
            size_text = self.rfile.readline(1024).split(b';', 1)[0].strip()
            if not re.fullmatch(rb'[0-9A-Fa-f]{1,8}', size_text):
                raise BadRequest(400, 'a chunk has no size')
            size = int(size_text, 16)
            total += size
            if total > BODY_LIMIT:
                raise BadRequest(413, 'the body is too large')
            if size == 0:
                while self.rfile.readline(65536) not in (b'\r\n', b'\n', b''):
                    pass
                return b''.join(chunks)
            chunk = self.rfile.read(size)
            if len(chunk) < size or self.rfile.readline(16) != b'\r\n':
                raise BadRequest(400, 'the body ended early')
            chunks.append(chunk)

    def drop_body(self):
        if self.headers.get('Content-Length', '0') != '0' or 'Transfer-Encoding' in self.headers:
            self.close_connection = True

    def log_message(self, *_):
        """Requests are the gateway's to log."""
