#!/usr/bin/env python3
"""Checks a server against docs/PROTOCOL.md, as two people with the example client would.

    check_server.py HOST:PORT PIN|--plaintext
    check_server.py --golden FOLDER

It makes accounts of its own and may be run again on the same server. Exit code 0: all as written.
"""

import contextlib, json, os, pathlib, struct, sys, time

import msgpack

from liao_client import Client, Fault, blake3

WAIT_S = 15  # how long a fact may take to show
PASSWORD = "vier stille Kraniche"
LOBBY = 1
RUN = os.urandom(4).hex()  # makes the names of this run new
WHERE = ["", None]  # address and pin of the server


class Person(Client):
    """A client that can be asked for what it was told."""

    def __init__(self, hello=True):
        super().__init__(*WHERE, hello=hello)

    def take(self, until):
        """The next event; None when there is none in time."""
        while not self.events:
            if not self.pump(until - time.monotonic()) and time.monotonic() >= until:
                return None
        return self.events.popleft()

    def wait(self, kind, fits=lambda body: True):
        """The first event of a type that fits; those before it are dropped."""
        until = time.monotonic() + WAIT_S
        while event := self.take(until):
            if event[0] == kind and fits(event[1]):
                return event[1]
        raise AssertionError(f"no {kind} within {WAIT_S} s")

    def text(self, room, text):
        """Waits for a message with this text."""
        return self.wait("msg", lambda m: m["c"] == room and m["b"].get("text") == text)

    def enter(self):
        """Syncs. Gives the answer and all events up to `synced`."""
        answer, events, until = self.sync(), [], time.monotonic() + WAIT_S
        while event := self.take(until):
            if event[0] == "synced":
                return {room["c"]: room for room in answer["rooms"]}, events
            events.append(event)
        raise AssertionError("no synced")

    def again(self):
        """Back on a new connection, with the token, the cursors and the outbox."""
        self.connect()
        self.login(mech="token", token=self.token)
        return self.enter()

    def say(self, room, text):
        return patient(lambda: self.flush() if self.outbox else self.post(room, "text", text=text))

    def leave(self):
        self.put("bye", 0, {})
        assert endings(self) == [], "bye ends in silence"

    def send_bytes(self, data):
        self.sock.settimeout(WAIT_S)
        self.sock.sendall(data)

    def send_frame(self, frame):
        self.send_bytes(struct.pack(">I", len(frame)) + frame)


def patient(act):
    """Does what rate limits ask for."""
    until = time.monotonic() + 4 * WAIT_S
    while True:
        try:
            return act()
        except Fault as found:
            if found.code not in ("rate_limited", "busy") or time.monotonic() > until:
                raise
            time.sleep(found.body.get("retry_ms", 200) / 1000)


def endings(client):
    """Reads to the end of the stream: the codes of the faults on the way, `!` behind fatal ones."""
    found = []
    while True:
        try:
            assert client.pump(WAIT_S), "the server does not close the connection"
        except Fault as why:
            found.append(why.code + "!" * why.body.get("fatal", False))
        except OSError:
            return found


@contextlib.contextmanager
def refused(*codes):
    """What is done inside must be refused with one of these codes."""
    try:
        yield
    except Fault as found:
        assert found.code in codes, f"{found.code} and not {codes}"
    else:
        raise AssertionError(f"not refused with {codes}")


def wrong_pin():
    try:
        Client(WHERE[0], "00" * 32)
    except ValueError:
        return
    raise AssertionError("a server with another key was believed")


def accounts():
    """Two people register; names and passwords that break the rules are refused."""
    li, wang = Person(), Person()
    with refused("bad_name"):
        li.login("register", user="no spaces", secret=PASSWORD)
    with refused("weak_password"):
        li.login("register", user="li" + RUN, secret="12")
    patient(lambda: li.login("register", user="Li" + RUN, name="李四", secret=PASSWORD))
    assert li.me["id"] == "li" + RUN and li.me["name"] == "李四" and li.token
    with refused("taken"):
        wang.login("register", user="LI" + RUN, secret=PASSWORD)
    patient(lambda: wang.login("register", user="wang" + RUN, secret=PASSWORD))
    assert wang.me["name"] == "wang" + RUN and wang.me["user"] != li.me["user"]
    return li, wang


def logins(li):
    other = Person()
    for user, secret in (("li" + RUN, "wrong"), ("nobody" + RUN, PASSWORD)):
        with refused("unauthenticated"):
            other.login(mech="password", user=user, secret=secret)
    with refused("unauthenticated", "auth_revoked"):
        other.login(mech="token", token=os.urandom(32))
    other = Person()
    patient(lambda: other.login(mech="password", user="li" + RUN, secret=PASSWORD))
    assert other.me["user"] == li.me["user"] and other.me["dev"] != li.me["dev"]
    devices = other.call("devices")["devices"]
    assert [d["dev"] for d in devices if d.get("here")] == [other.me["dev"]]
    other.call("logout")
    endings(other)
    other.connect()
    with refused("unauthenticated", "auth_revoked"):
        other.login(mech="token", token=other.token)
    other.leave()


def rooms(li, wang):
    """Lists, a new room, joining by name, a private room with an invitation."""
    mine, _ = li.enter()
    wang.enter()
    assert mine[LOBBY]["kind"] == "public" and mine[LOBBY]["name"] == "lobby"
    listed = {room["name"]: room for room in li.call("room.list", query="lob")["rooms"]}
    assert listed["lobby"]["c"] == LOBBY and listed["lobby"]["members"] >= 2
    room = li.call("room.create", name=f"#Tea{RUN}", topic="茶")
    assert room["name"] == "tea" + RUN and room["role"] == "owner" and room["topic"] == "茶"
    with refused("taken"):
        wang.call("room.create", name="tea" + RUN)
    joined = wang.call("room.join", name="tea" + RUN)
    assert joined["c"] == room["c"] and joined["members"] == 2 and not joined.get("floor")
    assert {u["id"] for u in li.call("members", c=room["c"])["users"]} == {"li" + RUN, "wang" + RUN}
    wang.call("room.topic", c=room["c"], topic="绿茶")
    li.wait("msg", lambda m: (m["k"], m["b"].get("text")) == ("topic", "绿茶"))
    private = li.call("room.create", name="den" + RUN, private=True)
    for body in ({"c": private["c"]}, {"name": "den" + RUN}, {"c": 2**40}):
        with refused("not_found"):
            wang.call("room.join", **body)
    li.call("room.invite", c=private["c"], user=wang.me["user"])
    assert wang.wait("room", lambda r: r["c"] == private["c"])["role"] == "invited"
    assert wang.call("room.join", c=private["c"])["role"] == "member"
    wang.call("room.leave", c=private["c"])
    with refused("not_found"):
        wang.call("history", c=private["c"])
    return room["c"], private["c"]


def messages(li, wang, room):
    posted = li.say(room, "你好, \x1b[31mWang")
    seen = wang.text(room, "你好, \x1b[31mWang")
    own = li.text(room, "你好, \x1b[31mWang")
    assert seen == own and seen["s"] == posted["s"] and seen["f"] == li.me["user"]
    post = {"c": room, "cid": os.urandom(16), "k": "text", "b": {"text": "once", "re": seen["s"]}}
    first = li.call("send", **post)
    second = li.call("send", **post)
    assert second == {**first, "dup": True}, "the same nonce is the same post"
    with refused("cid_conflict"):
        li.call("send", **{**post, "b": {"text": "another"}})
    assert wang.text(room, "once")["cid"] == post["cid"]
    with refused("forbidden", "not_found"):
        wang.post(room, "edit", of=first["s"], text="not mine")
    li.post(room, "edit", of=first["s"], text="corrected")
    assert wang.text(room, "corrected")["b"]["of"] == first["s"]
    li.post(room, "redact", of=first["s"])
    wang.wait("msg", lambda m: m["k"] == "redact")
    page = wang.call("history", c=room, after=first["s"] - 1, limit=1)
    assert not page["msgs"][0]["b"].get("text", "").strip(" \0"), "the original is emptied"
    with refused("too_large"):
        li.post(room, "text", text="x" * (li.limits["text"] + 1))
    with refused("not_found"):
        li.post(2**40, "text", text="nowhere")


def presence(li, wang):
    wang.call("watch", online=True)
    page = wang.call("who", query="li" + RUN)
    assert [u["u"] for u in page["users"]] == [li.me["user"]], "li is online"
    li.leave()
    gone = wang.wait("pres", lambda p: li.me["user"] in p.get("del", []))
    assert gone["v"] > page["v"], "changes are numbered"
    li.again()
    wang.wait("pres", lambda p: li.me["user"] in [u["u"] for u in p.get("set", [])])
    wang.call("watch")


def private(li, wang):
    """A direct room appears to the other with the first message."""
    room = li.call("room.open", name="wang" + RUN)
    assert room["kind"] == "direct" and room["with"]["u"] == wang.me["user"]
    assert li.call("room.open", user=wang.me["user"])["c"] == room["c"]
    li.say(room["c"], "unter uns")
    until, seen = time.monotonic() + WAIT_S, []
    while event := wang.take(until):
        if event[1].get("c") == room["c"]:
            seen.append(event[0])
        if seen and seen[-1] == "msg":
            break
    assert seen[:1] == ["room"] and seen[-1] == "msg", f"room, then msg; not {seen}"
    assert wang.rooms[room["c"]]["with"]["u"] == li.me["user"]
    return room["c"]


def offline(li, wang, room, direct):
    """What was said while somebody was away is there, in order, with counts."""
    wang.leave()
    for place in (room, direct):
        for number in range(3):
            li.say(place, f"away {number}")
    regret = li.say(room, "taken back")
    li.post(room, "redact", of=regret["s"])
    found, events = wang.again()
    for place in (room, direct):
        texts = [b["b"].get("text") for kind, b in events if kind == "msg" and b["c"] == place]
        said = [text.strip(" \0") for text in texts if text]
        assert [text for text in said if text] == ["away 0", "away 1", "away 2"], texts
        head, read = found[place]["head"], found[place]["read"]
        assert head[1] - read[1] >= 3, "they count as unread"
        marked = wang.call("mark", c=place, read=head[0])
        assert marked["read"] == head
        assert wang.call("mark", c=place, read=1)["read"] == head, "markers only rise"
    wang.leave()
    li.say(room, "not seen")
    wang.again()
    wang.post(room, "text", text="waited", late=True)
    wang.leave()
    assert wang.again()[0][room]["read"] == found[room]["head"], "late words read nothing"
    wang.leave()
    # Long ones, so that no server has all of them at hand.
    posts = [li.say(room, f"many {number} " + "." * 2000) for number in range(205)]
    _, events = wang.again()
    events = [(kind, body) for kind, body in events if body.get("c") == room]
    assert events[0][0] == "gap" and events[0][1]["to"] == posts[4]["s"], events[0]
    assert [body["s"] for _, body in events[1:]] == [post["s"] for post in posts[5:]]


def history(wang, room):
    seqs, before = [], None
    while True:
        where = {"before": before} if before else {}
        page = wang.call("history", c=room, limit=100, **where)
        found = [message["s"] for message in page["msgs"]]
        assert found == sorted(found) and len(found) <= 100
        seqs, before = found + seqs, (found or [before])[0]
        if not page["more"]:
            break
    assert seqs == list(range(1, seqs[-1] + 1)), "whole and without holes"
    page = wang.call("history", c=room, after=10, limit=5)
    assert [m["s"] for m in page["msgs"]] == [11, 12, 13, 14, 15] and page["more"]
    newest = [m["s"] for m in wang.call("history", c=room)["msgs"]]
    assert 1 <= len(newest) <= 50 and newest[-1] == seqs[-1], "at most 50 unless asked otherwise"
    around = [m["s"] for m in wang.call("history", c=room, around=50, limit=10)["msgs"]]
    assert 50 in around and around[0] < 50 < around[-1]


def files(li, wang, room, direct, den):
    """Up and down, each cut once and resumed; only members may fetch it."""
    data = os.urandom(700_001)
    offer = {"size": len(data), "b3": blake3(data), "name": "报告.bin"}
    opened = li.call("file.open", c=room, **offer)
    assert opened["off"] == 0
    at, end = 0, min(li.limits["window"], len(data))
    while at < end:
        piece = data[at : min(end, at + li.limits["chunk"])]
        li.put("fdat", 0, {"x": opened["x"], "o": at, "d": piece})
        at += len(piece)
    acked = li.await_in(li.transfers, opened["x"]).popleft()["o"]
    assert 0 < acked <= end
    li.sock.close()
    li.again()
    resumed = patient(lambda: li.upload(room, "报告.bin", data))
    assert acked <= resumed <= len(data), f"{acked} were acknowledged, it resumed at {resumed}"
    offered = wang.wait("msg", lambda m: m["k"] == "file" and m["c"] == room)["b"]
    assert offered["size"] == len(data) and offered["b3"] == offer["b3"]
    found = wang.call("file.get", fid=offered["fid"])
    head = wang.await_in(wang.transfers, found["x"]).popleft()
    assert head["o"] == 0 and found["b3"] == offer["b3"] and found["name"] == "报告.bin"
    wang.sock.close()
    wang.again()
    assert wang.download(offered["fid"], head["d"]) == data
    li.upload(direct, "leer.txt", b"")
    empty = wang.wait("msg", lambda m: m["k"] == "file" and m["c"] == direct)["b"]
    assert wang.download(empty["fid"]) == b""
    li.upload(den, "secret.txt", b"nicht fuer alle")
    secret = li.wait("msg", lambda m: m["k"] == "file" and m["c"] == den)["b"]
    with refused("not_found"):
        wang.call("file.get", fid=secret["fid"])
    with refused("too_large"):
        li.call("file.open", c=room, **{**offer, "size": li.limits["file"] + 1})
    short = li.call("file.open", c=room, size=10, b3=bytes(32), name="short")
    with refused("conflict"):
        li.call("file.done", x=short["x"])
    again = li.call("file.open", c=room, size=10, b3=bytes(32), name="short")
    li.call("file.cancel", x=again["x"], discard=True)
    lie = li.call("file.open", c=room, size=3, b3=bytes(32), name="lie")
    li.put("fdat", 0, {"x": lie["x"], "o": 0, "d": b"abc"})
    with refused("bad_request"):
        li.call("file.done", x=lie["x"])


def garbage_before_login():
    """Broken framing ends the connection; so does anything before hello."""
    head = msgpack.packb
    for data, want in (
        (b"\0\0\0\0", "too_large!"),
        (b"\xff\xff\xff\xff", "too_large!"),
        (b"GET / HTTP/1.1\r\n\r\n", "too_large!"),
        (struct.pack(">I", 4097), "too_large!"),
        (b"\0\0\0\3\x91\xa1x", "bad_request!"),
        (b"\0\0\0\1\xc1", "bad_request!"),
    ):
        for hello in (False, True):
            client = Person(hello)
            client.send_bytes(data)
            assert endings(client) == [want], data
    early = Person(hello=False)
    early.send_frame(head(["auth", 1]) + head({"mech": "password", "user": "x", "secret": "y"}))
    early.pump(WAIT_S)
    code, body = early.answers.pop(1)
    assert code == "err" and body["code"] == "bad_request" and body["fatal"]
    assert endings(early) == []
    later = Person(hello=False)
    later.send_frame(head(["hello", 1]) + head({"v": [900, 901]}))
    later.pump(WAIT_S)
    assert later.answers.pop(1)[1]["code"] == "unsupported"
    assert endings(later) == []
    stranger = Person()
    for kind in ("sync", "who"):
        with refused("unauthenticated"):
            stranger.call(kind)
    with refused("unsupported"):
        stranger.call("from.the.future")
    cut = Person()
    cut.send_bytes(b"\0\0\1\0\x92\xa4send")
    cut.sock.close()


def garbage_after_login(li):
    """Broken bodies cost their request, the tenth the connection; what is unknown costs nothing."""
    head = msgpack.packb
    client = Person()
    client.login(mech="token", token=li.token)
    with refused("unsupported"):
        client.call("from.the.future", a=1)
    client.put("from.the.future", 0, {"a": 1})
    client.rid += 1
    client.send_frame(head(["who", client.rid, {"later": True}]) + head({"zz": [1, {"a": b"b"}]}))
    assert client.await_in(client.answers, client.rid)[0] == "ok"
    broken = [
        b"",  # no body
        b"\xc1",  # no MessagePack
        head({"c": "one"}),  # another type
        head({}),  # a field is missing
        head({"c": 1})[:-1],  # cut off
        head({"c": 1}) + b"\xc0",  # bytes behind it
        b"\x82\xa1c\x01\xa1c\x02",  # a key twice
        b"\x82\xa1c\x01\xa1z" + b"\x91" * 40 + b"\xc0",  # too deep
        b"\x82\xa1c\x01\xa1z\xdd\xff\xff\xff\xff",  # four thousand million entries
        b"\x82\xa1c\x01\xa1z\xd9\x02\xff\xff",  # text that is not UTF-8
    ]
    for number, body in enumerate(broken, 1):
        client.rid += 1
        client.send_frame(head(["history", client.rid]) + body)
        kind, found = client.await_in(client.answers, client.rid)
        assert kind == "err" and found["code"] == "bad_request", (number, kind, found)
        assert found.get("fatal", False) == (number == len(broken)), number
    assert endings(client) == []


def check(address, pin):
    WHERE[:] = address, None if pin == "--plaintext" else pin

    def step(name, act, *args):
        began = time.monotonic()
        found = act(*args)
        print(f"ok  {name} ({time.monotonic() - began:.1f} s)", flush=True)
        return found

    if WHERE[1]:
        step("a server with another key is not believed", wrong_pin)
    li, wang = step("registering", accounts)
    step("logging in", logins, li)
    room, den = step("rooms", rooms, li, wang)
    step("messages", messages, li, wang, room)
    step("presence", presence, li, wang)
    direct = step("private messages", private, li, wang)
    step("messages while away", offline, li, wang, room, direct)
    step("history", history, wang, room)
    step("files", files, li, wang, room, direct, den)
    step("garbage before login", garbage_before_login)
    step("garbage after login", garbage_after_login, li)
    li.say(LOBBY, "still here " + RUN)
    step("nobody else noticed", wang.text, LOBBY, "still here " + RUN)


def check_golden(folder):
    """Every golden file reads as it says, and writes as it reads."""

    def plain(value):
        if isinstance(value, dict):
            bare = set(value) == {"bin"}
            return bytes.fromhex(value["bin"]) if bare else {k: plain(v) for k, v in value.items()}
        return [plain(item) for item in value] if isinstance(value, list) else value

    paths = sorted(pathlib.Path(folder).glob("*.json"))
    assert paths, "no golden files"
    for path in paths:
        golden = json.loads(path.read_text(encoding="utf-8"))
        frame = bytes.fromhex(golden["hex"])
        unpacker = msgpack.Unpacker()
        unpacker.feed(frame[4:])
        header, body = unpacker
        assert int.from_bytes(frame[:4], "big") == len(frame) - 4, path
        assert header == [golden["type"], golden["rid"]] and body == plain(golden["body"]), path
        assert msgpack.packb(header) + msgpack.packb(body) == frame[4:], path
    print(f"ok  {len(paths)} golden files")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    if sys.argv[1] == "--golden":
        check_golden(sys.argv[2])
    else:
        check(*sys.argv[1:])
