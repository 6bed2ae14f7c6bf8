#!/usr/bin/env python3
"""A client of the Liao protocol (docs/PROTOCOL.md): Python's standard library and msgpack.

    liao_client.py HOST:PORT PIN|--plaintext USER [register [NAME]]
"""

import collections, contextlib, getpass, hashlib, ipaddress, os, pathlib, random
import select, socket, ssl, struct, sys, time

import msgpack

ANSWER_S = 30  # how long an answer may take
TRY_AGAIN = {"rate_limited", "busy", "storage_full", "internal"}


class Fault(Exception):
    """The server refused a request, or, with rid 0, the connection."""

    def __init__(self, body):
        super().__init__(f"{body['code']}: {body.get('msg', '')}")
        self.code, self.body = body["code"], body


def pin_of(certificate):
    """SHA-256 of the SubjectPublicKeyInfo of an X.509 certificate in DER, in hexadecimal."""
    def element(at):  # where the content of the element at `at` begins and ends
        size, at = certificate[at + 1], at + 2
        if size & 0x80:
            count = size & 0x7F
            size, at = int.from_bytes(certificate[at : at + count], "big"), at + count
        return at, at + size
    at, _ = element(element(0)[0])  # Certificate, TBSCertificate
    for _ in ("version", "serialNumber", "signature", "issuer", "validity", "subject"):
        at = element(at)[1]
    return hashlib.sha256(certificate[at : element(at)[1]]).hexdigest()


IV = list(struct.unpack(">8I", bytes.fromhex(
    "6a09e667bb67ae853c6ef372a54ff53a510e527f9b05688c1f83d9ab5be0cd19")))
ORDER = (2, 6, 3, 10, 7, 0, 4, 13, 1, 11, 12, 5, 9, 14, 15, 8)
LANES = ((0, 4, 8, 12), (1, 5, 9, 13), (2, 6, 10, 14), (3, 7, 11, 15),
         (0, 5, 10, 15), (1, 6, 11, 12), (2, 7, 8, 13), (3, 4, 9, 14))


def compress(cv, words, counter, size, flags):
    """BLAKE3's compression, to the eight words of the next chaining value."""
    v = [*cv, *IV[:4], counter, 0, size, flags]
    for _ in range(7):
        for lane, (a, b, c, d) in enumerate(LANES):
            for word, high, low in ((words[2 * lane], 16, 12), (words[2 * lane + 1], 8, 7)):
                v[a] = (v[a] + v[b] + word) & 0xFFFFFFFF
                x = v[d] ^ v[a]
                v[d] = (x >> high | x << 32 - high) & 0xFFFFFFFF
                v[c] = (v[c] + v[d]) & 0xFFFFFFFF
                x = v[b] ^ v[c]
                v[b] = (x >> low | x << 32 - low) & 0xFFFFFFFF
        words = [words[at] for at in ORDER]
    return [v[i] ^ v[i + 8] for i in range(8)]


def blake3(data):
    """BLAKE3 of `data`, 32 bytes, at about 1 MB/s; the package `blake3` is faster."""
    def chunk(number, root):
        content, cv = data[number * 1024 : number * 1024 + 1024], IV
        for at in range(0, len(content) or 1, 64):
            block = content[at : at + 64]
            flags = (at == 0) | (2 | root if at + 64 >= len(content) else 0)
            words = struct.unpack("<16I", block.ljust(64, b"\0"))
            cv = compress(cv, words, number, len(block), flags)
        return cv
    def tree(first, end, root):
        if end - first == 1:
            return chunk(first, root)
        middle = first + (1 << (end - first - 1).bit_length() - 1)
        return compress(IV, tree(first, middle, 0) + tree(middle, end, 0), 0, 64, 4 | root)
    return struct.pack("<8I", *tree(0, max(1, (len(data) + 1023) // 1024), 8))


class Client:
    """One account on one server. After a ConnectionError call resume(): nothing is lost."""

    def __init__(self, address, pin=None, hello=True):
        self.address, self.pin, self.token = address, pin, None
        self.epoch, self.cursors = "", {}  # room -> last seq seen, valid within the epoch
        self.outbox = []  # posts without an answer; to survive the program, keep them on disk
        self.rooms, self.names, self.events = {}, {}, collections.deque()  # events: (type, body)
        self.connect(hello)

    def connect(self, hello=True):
        """A new connection, up to the answer to hello."""
        host, port = self.address.rsplit(":", 1)
        self.sock = socket.create_connection((host.strip("[]"), int(port)), ANSWER_S)
        if self.pin:
            # CERT_NONE: nobody has to have signed the certificate, the pin stands for that. That
            # the server holds the certificate's key is part of every TLS 1.3 handshake.
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.minimum_version = ssl.TLSVersion.TLSv1_3
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            context.set_alpn_protocols(["liao/1"])
            self.sock = context.wrap_socket(self.sock)
            found = pin_of(self.sock.getpeercert(binary_form=True))
            if found != self.pin.lower():
                raise ValueError(f"the server has another key, its pin is {found}")
        elif not ipaddress.ip_address(self.sock.getpeername()[0]).is_loopback:
            raise ValueError("plaintext is for loopback addresses only")
        self.buffer, self.rid, self.away_s = bytearray(), 0, 0.0
        self.answers, self.transfers = {}, collections.defaultdict(collections.deque)
        self.limits = {"frame": 4096}
        if hello:
            self.limits = self.call("hello", v=[1, 1], agent="liao-example/1")["limits"]

    def put(self, kind, rid, body):
        """Sends a frame."""
        frame = msgpack.packb([kind, rid]) + msgpack.packb(body)
        self.sock.settimeout(ANSWER_S)
        self.sock.sendall(struct.pack(">I", len(frame)) + frame)
        self.spoken = time.monotonic()

    def pump(self, wait_s):
        """Takes in one frame; False when there is none in time."""
        until = time.monotonic() + wait_s
        while True:
            size = int.from_bytes(self.buffer[:4], "big") if len(self.buffer) >= 4 else 1
            if not 1 <= size <= self.limits["frame"]:
                raise ConnectionError(f"a frame of {size} bytes was announced")
            if len(self.buffer) >= 4 + size:
                break
            self.sock.settimeout(max(0.001, until - time.monotonic()))
            try:
                data = self.sock.recv(65536)
            except TimeoutError:
                return False
            if not data:
                raise ConnectionError("the server closed the connection")
            self.buffer += data
        unpacker = msgpack.Unpacker(max_buffer_size=size)
        unpacker.feed(self.buffer[4 : 4 + size])
        del self.buffer[: 4 + size]
        (kind, rid, *_), body = unpacker
        if rid:
            self.answers[rid] = kind, body
        else:
            self.apply(kind, body)
        return True

    def await_in(self, place, key):
        while not place.get(key):
            if not self.pump(ANSWER_S):
                raise ConnectionError("the server is silent")
        return place[key]

    def call(self, kind, **body):
        """Sends a request and returns the body of its answer; Fault when it is refused."""
        self.rid += 1
        self.put(kind, self.rid, body)
        kind, body = self.await_in(self.answers, self.rid)
        del self.answers[self.rid]
        if kind == "err":
            raise Fault(body)
        return body

    def apply(self, kind, body):
        """An event. Types that are not known go to the program, which ignores them."""
        if kind == "ping":
            return self.put("pong", 0, body)
        if kind == "err":
            raise Fault(body)
        if kind in ("fdat", "fack"):
            return self.transfers[body["x"]].append(body)
        if kind == "msg":
            if body["s"] <= self.cursors.get(body["c"], 0):
                return  # seen before
            self.cursors[body["c"]] = body["s"]
        elif kind == "gap":
            self.cursors[body["c"]] = max(body["to"], self.cursors.get(body["c"], 0))
        elif kind == "room":
            self.rooms[body["c"]] = body  # with role "gone", no longer in it
        elif kind == "goaway":
            self.away_s = random.uniform(body.get("min_ms", 0), body.get("max_ms", 0)) / 1000
        self.events.append((kind, body))

    def login(self, kind="auth", **body):
        """auth with mech, user, secret; or mech and token; register with user, name, secret."""
        self.me = self.call(kind, dev_name="liao_client.py", **body)
        self.token = self.me.get("token", self.token)

    def sync(self):
        """Starts the flow of messages. The answer lists the rooms."""
        found = self.call("sync", epoch=self.epoch, cur=[[c, s] for c, s in self.cursors.items()])
        if found.get("reset"):
            self.cursors.clear()
        self.epoch = found["epoch"]
        self.rooms = {room["c"]: room for room in found["rooms"]}
        return found

    def resume(self):
        """Connects again, takes in what was missed and repeats what was not answered."""
        for attempt in range(10):
            time.sleep(max(self.away_s, random.uniform(0, min(60, 0.5 * 2**attempt))))
            with contextlib.suppress(OSError):
                self.connect()
                self.login(mech="token", token=self.token)
                self.sync()
                self.wait_on()
                return self.flush()
        raise ConnectionError("the server cannot be reached")

    def wait_on(self):
        """What waits is sent later, when not all that stands before it was seen."""
        for post in self.outbox:
            post["b"]["late"] = True

    def name(self, user):
        if user not in self.names:
            self.names.update({u["u"]: u["name"] for u in self.call("users", ids=[user])["users"]})
        return self.names.get(user, f"user {user}")

    def post(self, room, kind, **body):
        """Posts; the answer says that it is on stable storage."""
        self.outbox.append({"c": room, "cid": os.urandom(16), "k": kind, "b": body})
        return self.flush()

    def flush(self):
        """Sends what waits in the outbox, oldest first; returns the last answer."""
        while self.outbox:
            try:
                posted = self.call("send", **self.outbox[0])
            except Fault as fault:
                if fault.code not in TRY_AGAIN:
                    del self.outbox[0]
                self.wait_on()
                raise
            del self.outbox[0]
            if not self.outbox:
                return posted

    def upload(self, room, name, data):
        """Uploads and offers a file, from where an earlier attempt was cut off: that offset."""
        offer = {"size": len(data), "b3": blake3(data), "name": name}
        opened = self.call("file.open", c=room, **offer)
        x, at, acked = opened["x"], opened["off"], opened["off"]
        while acked < len(data):
            end = min(len(data), acked + self.limits["window"])
            while at < end:
                piece = data[at : min(end, at + self.limits["chunk"])]
                self.put("fdat", 0, {"x": x, "o": at, "d": piece})
                at += len(piece)
            acked = self.await_in(self.transfers, x).popleft()["o"]
        # What others said meanwhile was not seen.
        self.post(room, "file", fid=self.call("file.done", x=x)["fid"], late=True)
        return opened["off"]

    def download(self, fid, have=b""):
        """A file's content; `have` is what came before a cut."""
        found, data = self.call("file.get", fid=fid, off=len(have)), bytearray(have)
        self.put("fack", 0, {"x": found["x"], "o": len(data)})  # ends it if there is no more
        while len(data) < found["size"]:
            data += self.await_in(self.transfers, found["x"]).popleft()["d"]
            self.put("fack", 0, {"x": found["x"], "o": len(data)})
        if len(data) != found["size"] or blake3(data) != found["b3"]:
            raise ValueError("the file is damaged")
        return bytes(data)


def show(client, body):
    content, room = body["b"], client.rooms.get(body["c"], {}).get("name") or "private"
    said = content.get("text") or f"{body['k']} {content.get('name', '')}"
    line = f"{room} | {client.name(body['f'])}: {said} {content.get('fid', '')}"
    # Other people's text must not steer the terminal.
    print("".join(c if c.isprintable() else "\ufffd" for c in line))


def main(address, pin, user, register="", name=""):
    """Lines go to #lobby. /msg ID TEXT, /file PATH, /get FILE PATH, exit."""
    client = Client(address, None if pin == "--plaintext" else pin)
    how = {"secret": getpass.getpass(f"Password of {user}: "), "mech": "password", "name": name}
    client.login(register or "auth", user=user, **how)
    client.sync()
    while True:
        try:
            while client.events or client.pump(0.01):
                kind, body = client.events.popleft() if client.events else ("", {})
                if kind == "msg":
                    show(client, body)
            ready = select.select([client.sock, sys.stdin], [], [], 10)[0]
            if time.monotonic() - client.spoken > client.limits["idle_s"]:
                client.put("ping", 0, {})
            if sys.stdin in ready:
                line = sys.stdin.readline().strip()
                if line == "exit":
                    return client.put("bye", 0, {})
                command, *rest = line.split(" ", 2)
                if command == "/msg":
                    client.post(client.call("room.open", name=rest[0])["c"], "text", text=rest[1])
                elif command == "/file":
                    client.upload(1, rest[0].split("/")[-1], pathlib.Path(rest[0]).read_bytes())
                elif command == "/get":
                    pathlib.Path(rest[1]).write_bytes(client.download(int(rest[0])))
                elif line:
                    client.post(1, "text", text=line)
        except (Fault, ValueError, IndexError, OSError) as why:
            print("!", why)
            if isinstance(why, ConnectionError):
                client.resume()


if __name__ == "__main__":
    main(*sys.argv[1:])
