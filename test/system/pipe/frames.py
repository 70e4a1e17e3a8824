"""Frames and flows for the pipe drivers' tests: what no shell tool sends, counts or echoes.

Reads calls, one JSON object a line, `{"id", "verb", "netns", ...}`; each runs in a thread of its own
inside that namespace and is answered by `{"id", "result"}` or `{"id", "error"}`. One process for all
of a test: under an emulated kernel a start of Python takes seconds.

  echo ifName           the inspection without an engine: sends back each marked frame as it came
  stamp path            the heartbeat file, ten times a second
  serve addresses       answers datagrams, takes and gives streams, on port 7007
  stop target           ends an echo or a stamp, by its id
  drain target          answers when that echo has no frame waiting
  exchange ifName, receiver, frames, sentinel
                        sends frames; `[pkttype, tci or -1, hex]` of each that arrives at `receiver`
                        before the sentinel does
  udp address, datagrams, intervalMicros, patienceMs
                        numbered datagrams to a `serve`, and what came back of them
  tcp address, octets, verb   `give` or `take`: how many octets arrived as they were sent
"""
import ctypes
import json
import select
import socket
import struct
import sys
import threading
import time

ETH_P_ALL = 0x0003
SOL_PACKET = 263
PACKET_AUXDATA = 8
PACKET_VNET_HDR = 15
PACKET_IGNORE_OUTGOING = 23
SO_RCVBUFFORCE = 33
TP_STATUS_VLAN_VALID = 1 << 4
VNET_HDR_OCTETS = 10
MARKER = b"NeuV"
PORT = 7007
HEARTBEAT_SLOTS = 64
# Datagrams under way at a time: fewer than a socket's buffer holds, however slow the machine.
WINDOW = 48
LIBC = ctypes.CDLL(None, use_errno=True)


def enter(netns):
    """setns(2) for this thread alone."""
    with open(netns) as f:
        if LIBC.setns(f.fileno(), 0):
            raise OSError(ctypes.get_errno(), f"setns {netns}")


def packet_socket():
    s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    s.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
    s.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
    s.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 64 << 20)
    return s


def tag_of(ancillary):
    """struct tpacket_auxdata: the outer tag, which the kernel took out of the frame."""
    for level, kind, data in ancillary:
        if level == SOL_PACKET and kind == PACKET_AUXDATA:
            status, _, _, _, _, tci, tpid = struct.unpack_from("=IIIHHHH", data)
            if status & TP_STATUS_VLAN_VALID:
                return tpid or 0x8100, tci
    return None


def with_tag(frame, tag):
    """In band again, with the offsets of virtio_net_hdr moved by the tag's four octets."""
    flags, gso, header, size, start, offset = struct.unpack_from("=BBHHHH", frame)
    head = struct.pack("=BBHHHH", flags, gso, header + 4 if header else 0, size,
                       start + 4 if flags & 1 else start, offset)
    at = VNET_HDR_OCTETS + 12
    return head + frame[VNET_HDR_OCTETS:at] + struct.pack("!HH", *tag) + frame[at:]


def echo_one(s):
    frame, ancillary, _, _ = s.recvmsg(VNET_HDR_OCTETS + 65550, 256)
    mac = frame[VNET_HDR_OCTETS:VNET_HDR_OCTETS + 12]
    if (mac[:4] == MARKER) == (mac[6:10] == MARKER):
        return
    tag = tag_of(ancillary)
    try:
        s.send(with_tag(frame, tag) if tag else frame)
    except OSError as error:
        print(f"echo: {error}", file=sys.stderr, flush=True)


def echo(call, stopped):
    s = packet_socket()
    s.setsockopt(SOL_PACKET, PACKET_VNET_HDR, 1)
    s.bind((call["ifName"], ETH_P_ALL))
    answer(call, "ready")
    idle = RUNNING[call["id"]][2]
    while not stopped.is_set():
        if select.select([s], [], [], 0.02)[0]:
            echo_one(s)
        else:
            idle.set()
    s.close()


def stamp(call, stopped):
    answer(call, "ready")
    while not stopped.is_set():
        with open(call["path"], "r+b") as f:
            f.write(struct.pack("=Q", time.monotonic_ns()) + bytes(8 * (HEARTBEAT_SLOTS - 1)))
        stopped.wait(0.1)


def arrivals(s, sentinel):
    until = time.monotonic() + 20
    while select.select([s], [], [], max(0, until - time.monotonic()))[0]:
        frame, ancillary, _, address = s.recvmsg(65550, 256)
        if bytes.fromhex(sentinel)[-8:] in frame:
            return
        tag = tag_of(ancillary)
        yield address[2], tag[1] if tag else -1, frame[:96].hex()
    raise TimeoutError("the sentinel did not arrive")


def exchange(call):
    outgoing = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    outgoing.bind((call["ifName"], 0))
    receiver = call["receiver"]
    enter(receiver["netns"])
    incoming = packet_socket()
    incoming.bind((receiver["ifName"], ETH_P_ALL))
    with outgoing, incoming:
        for frame in call["frames"] + [call["sentinel"]]:
            outgoing.send(bytes.fromhex(frame))
        return list(arrivals(incoming, call["sentinel"]))


def family(address):
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def udp_echo(s):
    while True:
        datagram, peer = s.recvfrom(2048)
        s.sendto(datagram, peer)


def udp(call):
    total, pause = call["datagrams"], call["intervalMicros"] / 1e6
    under_way, seen, duplicates, sent = set(), set(), 0, 0
    s = socket.socket(family(call["address"]), socket.SOCK_DGRAM)
    with s:
        s.connect((call["address"], PORT))
        s.setblocking(False)
        due = heard = time.monotonic()
        while sent < total or under_way:
            now = time.monotonic()
            if now - heard > call["patienceMs"] / 1e3:
                under_way.clear()
                heard = now
            may_send = sent < total and len(under_way) < WINDOW
            if may_send and now >= due:
                try:
                    s.send(struct.pack("!I", sent) + bytes(60))
                except OSError:
                    pass  # an ICMP error of an earlier one; this one counts as lost
                under_way.add(sent)
                sent += 1
                due = now + pause
                continue
            if not select.select([s], [], [], max(0, due - now) if may_send else 0.02)[0]:
                continue
            try:
                number = struct.unpack_from("!I", s.recv(2048))[0]
            except OSError:
                continue
            heard = time.monotonic()
            duplicates += number in seen
            seen.add(number)
            under_way.discard(number)
    return {"sent": sent, "lost": total - len(seen), "duplicates": duplicates}


def pattern(octets):
    block = bytes(range(251)) * 261
    return (block * (octets // len(block) + 1))[:octets]


def serve_stream(connection):
    with connection, connection.makefile("rwb") as stream:
        verb, octets = stream.readline().split()
        want = pattern(int(octets))
        if verb == b"take":
            stream.write(want)
        else:
            arrived = stream.read(len(want))
            stream.write(b"%d\n" % (len(arrived) if arrived == want else -1))
        stream.flush()


def tcp_serve(s):
    while True:
        threading.Thread(target=serve_stream, args=(s.accept()[0],), daemon=True).start()


def serve(call):
    for address in call["addresses"]:
        datagrams = socket.socket(family(address), socket.SOCK_DGRAM)
        datagrams.bind((address, PORT))
        streams = socket.create_server((address, PORT), family=family(address))
        for target, s in ((udp_echo, datagrams), (tcp_serve, streams)):
            threading.Thread(target=target, args=(s,), daemon=True).start()
    return "ready"


def tcp(call):
    octets, verb = call["octets"], call["direction"]
    want = pattern(octets)
    s = socket.create_connection((call["address"], PORT), timeout=60)
    with s, s.makefile("rwb") as stream:
        stream.write(b"%s %d\n" % (verb.encode(), octets))
        if verb == "give":
            stream.write(want)
        stream.flush()
        if verb == "give":
            return int(stream.readline())
        arrived = stream.read(octets)
        return len(arrived) if arrived == want else -1


OUTPUT = threading.Lock()
RUNNING = {}


def answer(call, result, key="result"):
    with OUTPUT:
        print(json.dumps({"id": call["id"], key: result}), flush=True)


def run(call):
    try:
        if "netns" in call:
            enter(call["netns"])
        if call["verb"] in ("echo", "stamp"):
            stopped = threading.Event()
            RUNNING[call["id"]] = stopped, threading.current_thread(), threading.Event()
            {"echo": echo, "stamp": stamp}[call["verb"]](call, stopped)
        elif call["verb"] == "stop":
            stopped, thread, _ = RUNNING.pop(call["target"])
            stopped.set()
            thread.join()
            answer(call, "stopped")
        elif call["verb"] == "drain":
            idle = RUNNING[call["target"]][2]
            idle.clear()
            idle.wait(20)
            answer(call, "idle")
        else:
            verb = {"serve": serve, "exchange": exchange, "udp": udp, "tcp": tcp}[call["verb"]]
            answer(call, verb(call))
    except Exception as error:
        answer(call, repr(error), "error")


for line in sys.stdin:
    threading.Thread(target=run, args=(json.loads(line),), daemon=True).start()
