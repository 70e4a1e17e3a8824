"""Frames for the pipe drivers' tests: what no shell tool sends, counts or echoes.

  echo IFACE            the inspection without an engine: sends back each marked frame as it came
  exchange JSON         sends frames on one interface, prints what arrives on another until the
                        sentinel does: lines `PKTTYPE TCI HEX`, TCI -1 without a tag
  udp-echo ADDRESS      answers datagrams on port 7007
  udp-count ADDRESS N INTERVAL_US   numbered datagrams; prints a JSON object of what came back
  tcp-serve ADDRESS     takes or gives a stream on port 7007
  tcp-stream ADDRESS OCTETS give|take     prints how many octets arrived as they were sent
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
TP_STATUS_VLAN_VALID = 1 << 4
VNET_HDR_OCTETS = 10
MARKER = b"NeuV"
PORT = 7007


def packet_socket():
    s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    s.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
    s.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
    s.setsockopt(socket.SOL_SOCKET, 33, 64 << 20)  # SO_RCVBUFFORCE
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


def echo(iface):
    s = packet_socket()
    s.setsockopt(SOL_PACKET, PACKET_VNET_HDR, 1)
    s.bind((iface, ETH_P_ALL))
    print("ready", flush=True)
    while True:
        frame, ancillary, _, _ = s.recvmsg(VNET_HDR_OCTETS + 65550, 256)
        mac = frame[VNET_HDR_OCTETS:VNET_HDR_OCTETS + 12]
        if (mac[:4] == MARKER) == (mac[6:10] == MARKER):
            continue
        tag = tag_of(ancillary)
        try:
            s.send(with_tag(frame, tag) if tag else frame)
        except OSError as error:
            print(f"send: {error}", file=sys.stderr, flush=True)


def enter(netns):
    with open(netns) as f:
        if ctypes.CDLL(None, use_errno=True).setns(f.fileno(), 0):
            raise OSError(ctypes.get_errno(), f"setns {netns}")


def exchange(case):
    case = json.loads(case)
    enter(case["receiver"]["netns"])
    incoming = packet_socket()
    incoming.bind((case["receiver"]["ifName"], ETH_P_ALL))
    enter(case["sender"]["netns"])
    outgoing = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    outgoing.bind((case["sender"]["ifName"], 0))
    for frame in case["frames"] + [case["sentinel"]]:
        outgoing.send(bytes.fromhex(frame))
    until = time.monotonic() + 5
    while select.select([incoming], [], [], max(0, until - time.monotonic()))[0]:
        frame, ancillary, _, address = incoming.recvmsg(65550, 256)
        if bytes.fromhex(case["sentinel"])[-8:] in frame:
            return
        tag = tag_of(ancillary)
        print(address[2], tag[1] if tag else -1, frame[:96].hex(), flush=True)
    sys.exit("the sentinel did not arrive")


def family(address):
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def udp_echo(address):
    s = socket.socket(family(address), socket.SOCK_DGRAM)
    s.bind((address, PORT))
    print("ready", flush=True)
    while True:
        datagram, peer = s.recvfrom(2048)
        s.sendto(datagram, peer)


def udp_count(address, total, interval_us):
    s = socket.socket(family(address), socket.SOCK_DGRAM)
    s.connect((address, PORT))
    s.setblocking(False)
    seen, duplicates, sent, refused = set(), 0, 0, 0
    due = time.monotonic()
    quiet_until = None
    while True:
        now = time.monotonic()
        if sent < total and now >= due:
            try:
                s.send(struct.pack("!I", sent) + bytes(60))
            except OSError:
                refused += 1
            sent += 1
            due += interval_us / 1e6
        if sent == total and (len(seen) == total or now >= (quiet_until or now + 1)):
            break
        wait = max(0, due - now) if sent < total else 0.01
        if sent == total and quiet_until is None:
            quiet_until = now + 1
        if not select.select([s], [], [], wait)[0]:
            continue
        try:
            number = struct.unpack_from("!I", s.recv(2048))[0]
        except OSError:
            continue
        duplicates += number in seen
        seen.add(number)
    print(json.dumps({"sent": sent, "lost": total - len(seen), "duplicates": duplicates}))


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


def tcp_serve(address):
    s = socket.create_server((address, PORT), family=family(address))
    print("ready", flush=True)
    while True:
        threading.Thread(target=serve_stream, args=(s.accept()[0],), daemon=True).start()


def tcp_stream(address, octets, verb):
    want = pattern(octets)
    with socket.create_connection((address, PORT), timeout=20) as s, s.makefile("rwb") as stream:
        stream.write(b"%s %d\n" % (verb.encode(), octets))
        if verb == "give":
            stream.write(want)
        stream.flush()
        if verb == "give":
            print(int(stream.readline()))
        else:
            arrived = stream.read(octets)
            print(len(arrived) if arrived == want else -1)


VERBS = {
    "echo": echo,
    "exchange": exchange,
    "udp-echo": udp_echo,
    "udp-count": lambda address, n, us: udp_count(address, int(n), int(us)),
    "tcp-serve": tcp_serve,
    "tcp-stream": lambda address, octets, verb: tcp_stream(address, int(octets), verb),
}
VERBS[sys.argv[1]](*sys.argv[2:])
