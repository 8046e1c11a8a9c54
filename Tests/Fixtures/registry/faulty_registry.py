"""A small registry that serves an OCI layout and takes pushes, and goes wrong where a rule says so.

usage: faulty_registry.py DIRECTORY
DIRECTORY holds rules.py and, where images are served, layout/ (an OCI image layout); with cert.pem and key.pem the servers speak TLS.
Two servers listen on free loopback ports; `ports` in DIRECTORY names them once they do. `log` gets a line a request:
SERVER METHOD PATH AUTHORIZATION RANGE.

rules.py defines rule(r), which returns None (nothing goes wrong), a Reply, or ordinary(r) with some of its fields changed.
r.server (0 or 1), r.method, r.path (without query), r.query, r.auth, r.range, r.headers, r.body, r.count (earlier requests of the same
method and path), r.ports and r.state (a dictionary that lives as long as the registry).
"""
import hashlib, http.server, json, os, re, socket, socketserver, ssl, struct, sys, threading, time, urllib.parse

MANIFESTS = ('application/vnd.oci.image.manifest.v1+json', 'application/vnd.oci.image.index.v1+json')


class Reply:
    """What is answered: `length` instead of the body's own, `cut` (close after so many bytes of the body; `reset` does it hard),
    `stall` (say no more after so many), `pause` (seconds between single bytes), `endless` (the body again and again), `away` (after it
    nobody listens for so many seconds)."""
    def __init__(self, status=200, headers=None, body=b'', **rest):
        self.status, self.headers, self.body = status, dict(headers or {}), body
        self.length = rest.get('length')
        self.cut, self.reset, self.stall = rest.get('cut'), rest.get('reset', False), rest.get('stall')
        self.pause, self.endless, self.away = rest.get('pause'), rest.get('endless', False), rest.get('away')


class Store:
    def __init__(self, layout):
        self.blobs, self.tags, self.types, self.uploads = {}, {}, {}, {}
        self.lock = threading.Lock()
        if not os.path.isdir(layout):
            return
        folder = os.path.join(layout, 'blobs', 'sha256')
        for name in os.listdir(folder):
            with open(os.path.join(folder, name), 'rb') as file:
                self.blobs['sha256:' + name] = file.read()
        with open(os.path.join(layout, 'index.json')) as file:
            for entry in json.load(file)['manifests']:
                tag = entry.get('annotations', {}).get('org.opencontainers.image.ref.name')
                self.types[entry['digest']] = entry['mediaType']
                if tag:
                    self.tags[tag] = entry['digest']

    def type(self, digest):
        if digest in self.types:
            return self.types[digest]
        try:
            return json.loads(self.blobs[digest]).get('mediaType', MANIFESTS[0])
        except ValueError:
            return MANIFESTS[0]


def digest(data):
    return 'sha256:' + hashlib.sha256(data).hexdigest()


def error(status, code):
    return Reply(status, {'Content-Type': 'application/json'}, json.dumps({'errors': [{'code': code, 'message': code.lower()}]}).encode())


def content(data, r, headers):
    """With ranges, as object stores have them."""
    match = re.match(r'bytes=(\d+)-$', r.range or '')
    if not match:
        return Reply(200, headers, data)
    at = int(match.group(1))
    if at >= len(data):
        return Reply(416)
    return Reply(206, dict(headers, **{'Content-Range': f'bytes {at}-{len(data) - 1}/{len(data)}'}), data[at:])


def manifest(r, name, reference):
    store = r.store
    if r.method == 'PUT':
        found = digest(r.body)
        with store.lock:
            store.blobs[found] = r.body
            store.types[found] = r.headers.get('Content-Type')
            if not reference.startswith('sha256:'):
                store.tags[reference] = found
        return Reply(201, {'Location': f'/v2/{name}/manifests/{found}', 'Docker-Content-Digest': found})
    found = store.tags.get(reference, reference)
    if found not in store.blobs:
        return error(404, 'MANIFEST_UNKNOWN')
    return Reply(200, {'Content-Type': store.type(found), 'Docker-Content-Digest': found}, store.blobs[found])


def upload(r, name, session):
    store = r.store
    query = urllib.parse.parse_qs(r.query)
    if r.method == 'POST':
        mount = query.get('mount', [None])[0]
        if mount in store.blobs:
            return Reply(201, {'Location': f'/v2/{name}/blobs/{mount}', 'Docker-Content-Digest': mount})
        with store.lock:
            session = f'u{len(store.uploads)}'
            store.uploads[session] = b''
        return Reply(202, {'Location': f'/v2/{name}/blobs/uploads/{session}?state=a%2Fb', 'Range': '0-0'})
    if session not in store.uploads:
        return error(404, 'BLOB_UPLOAD_UNKNOWN')
    with store.lock:
        store.uploads[session] += r.body
        data = store.uploads[session]
    if r.method == 'PATCH':
        return Reply(202, {'Location': f'/v2/{name}/blobs/uploads/{session}?state=a%2Fb', 'Range': f'0-{len(data) - 1}'})
    wanted = query.get('digest', [''])[0]
    if digest(data) != wanted:
        return error(400, 'DIGEST_INVALID')
    store.blobs[wanted] = data
    return Reply(201, {'Location': f'/v2/{name}/blobs/{wanted}', 'Docker-Content-Digest': wanted})


def never():
    """Keeps whoever asked waiting, with the connection open, until the test is over."""
    threading.Event().wait()


def ordinary(r):
    """What a registry without faults answers."""
    if r.path == '/v2/':
        return Reply(200, {}, b'{}')
    match = re.match(r'(?:/[a-z]+)?/v2/(.+)/(manifests|blobs|referrers)/(uploads/)?([^/]*)$', r.path)
    if not match:
        return error(404, 'NAME_UNKNOWN')
    name, kind, uploads, reference = match.groups()
    if uploads is not None:
        return upload(r, name, reference)
    if kind == 'manifests':
        return manifest(r, name, reference)
    if kind == 'referrers':
        return referrers(r, reference)
    if reference not in r.store.blobs:
        return error(404, 'BLOB_UNKNOWN')
    return content(r.store.blobs[reference], r, {'Content-Type': 'application/octet-stream', 'Docker-Content-Digest': reference})


def referrers(r, subject):
    found = []
    for name, data in r.store.blobs.items():
        if name not in r.store.types:
            continue
        document = json.loads(data)
        if document.get('subject', {}).get('digest') == subject:
            found.append({'mediaType': r.store.types[name], 'digest': name, 'size': len(data), 'artifactType': document.get('artifactType')})
    body = json.dumps({'schemaVersion': 2, 'mediaType': MANIFESTS[1], 'manifests': found}).encode()
    return Reply(200, {'Content-Type': MANIFESTS[1]}, body)


class Request:
    pass


def handler(server, shared):
    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = 'HTTP/1.1'

        def setup(self):
            if shared['tls']:
                self.request.settimeout(20)
                self.request = shared['tls'].wrap_socket(self.request, server_side=True)
            super().setup()
            shared['open'].add((server, self.connection))

        def log_message(self, *arguments):
            pass

        def answer(self):
            r = Request()
            r.server, r.method, r.store, r.ports, r.state = server, self.command, shared['store'], shared['ports'], shared['state']
            r.path, _, r.query = self.path.partition('?')
            r.headers, r.auth, r.range = self.headers, self.headers.get('Authorization'), self.headers.get('Range')
            r.body = self.rfile.read(int(self.headers.get('Content-Length') or 0))
            with shared['store'].lock:
                key = (server, r.method, r.path)
                r.count = shared['counts'].get(key, 0)
                shared['counts'][key] = r.count + 1
                shared['log'].write(f'{server} {r.method} {self.path} {r.auth} {r.range}\n')
            reply = shared['rule'](r) or ordinary(r)
            self.say(reply)

        def say(self, reply):
            self.close_connection = self.close_connection or bool(reply.cut is not None or reply.stall is not None)
            self.send_response(reply.status)
            for name, value in reply.headers.items():
                self.send_header(name, value)
            if reply.endless:
                self.send_header('Connection', 'close')
                self.close_connection = True
            else:
                self.send_header('Content-Length', str(len(reply.body) if reply.length is None else reply.length))
            self.end_headers()
            if self.command != 'HEAD':
                self.send_body(reply)

        def send_body(self, reply):
            body = reply.body
            while reply.endless:
                self.wfile.write(body)
            stop = reply.cut if reply.cut is not None else reply.stall
            if stop is not None:
                body = body[:stop]
            if reply.pause:
                for byte in body:
                    self.wfile.write(bytes([byte]))
                    self.wfile.flush()
                    time.sleep(reply.pause)
            else:
                self.wfile.write(body)
            self.wfile.flush()
            if reply.stall is not None:
                never()
            if reply.away is not None:
                shared['away'](server, reply.away)
            if reply.reset:
                self.request.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
                self.request.close()

        def handle(self):
            try:
                super().handle()
            except (OSError, ssl.SSLError, ValueError):
                self.close_connection = True

        def finish(self):
            shared['open'].discard((server, self.connection))
            try:
                super().finish()
            except (OSError, ValueError):
                pass

        do_GET = do_HEAD = do_PUT = do_POST = do_PATCH = do_DELETE = answer

    return Handler


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64
    allow_reuse_port = True

    def server_bind(self):
        # HTTPServer's own asks name resolution who 127.0.0.1 is, between bind and listen: that may take a minute where nobody answers.
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = self.server_address[:2]

    def handle_error(self, request, address):
        pass


def main(directory):
    path = lambda name: os.path.join(directory, name)
    scope = {'Reply': Reply, 'ordinary': ordinary, 'digest': digest, 'json': json, 'time': time, 'error': error, 'never': never}
    with open(path('rules.py')) as file:
        exec(compile(file.read(), 'rules.py', 'exec'), scope)
    shared = {'store': Store(path('layout')), 'state': {}, 'counts': {}, 'rule': scope['rule'], 'tls': None, 'open': set()}
    shared['log'] = open(path('log'), 'a', buffering=1)
    if os.path.exists(path('cert.pem')):
        shared['tls'] = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        shared['tls'].load_cert_chain(path('cert.pem'), path('key.pem'))
        if os.path.exists(path('client-ca.pem')):
            shared['tls'].verify_mode = ssl.CERT_REQUIRED
            shared['tls'].load_verify_locations(path('client-ca.pem'))
    servers = [Server(('127.0.0.1', 0), handler(number, shared)) for number in range(2)]
    shared['ports'] = [server.server_address[1] for server in servers]
    # Bound, never listening: while a server is away its port refuses, and stays its own.
    kept = [socket.socket() for _ in shared['ports']]
    for place, port in zip(kept, shared['ports']):
        place.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        place.bind(('127.0.0.1', port))

    def start(number):
        threading.Thread(target=servers[number].serve_forever, daemon=True).start()

    def come_back(number, seconds):
        time.sleep(seconds)
        while True:
            try:
                servers[number] = Server(('127.0.0.1', shared['ports'][number]), handler(number, shared))
                return start(number)
            except OSError as failure:
                shared['log'].write(f'cannot come back: {failure}\n')
                time.sleep(0.1)

    def away(number, seconds):
        servers[number].shutdown()
        servers[number].server_close()
        for owner, connection in list(shared['open']):
            try:
                if owner == number:
                    connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        threading.Thread(target=come_back, args=(number, seconds), daemon=True).start()

    shared['away'] = away
    for number in range(2):
        start(number)
    with open(path('ports.new'), 'w') as file:
        file.write(' '.join(str(port) for port in shared['ports']))
    os.rename(path('ports.new'), path('ports'))
    threading.Event().wait()


main(sys.argv[1])
