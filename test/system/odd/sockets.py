"""Sockets that Node has no word for: UDP_SEGMENT, groups by interface, streams told apart by their digest.

Usage: sockets.py VERB JSON. Prints one line of JSON.
"""
import hashlib
import json
import os
import socket
import struct
import sys
import threading

SOL_UDP = 17
UDP_SEGMENT = 103


def family_of(host):
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def join(sock, group, ifname):
    index = socket.if_nametoindex(ifname)
    if ":" in group:
        request = socket.inet_pton(socket.AF_INET6, group) + struct.pack("@I", index)
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, request)
    else:
        # struct ip_mreqn
        request = socket.inet_aton(group) + bytes(4) + struct.pack("@i", index)
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, request)


def receive(any, port, groups, ifname, count):
    """Until `count` datagrams or one that says end; their lengths and first octets."""
    sock = socket.socket(family_of(any), socket.SOCK_DGRAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
    if family_of(any) == socket.AF_INET6:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    sock.bind((any, port))
    for group in groups:
        join(sock, group, ifname)
    sock.settimeout(15)
    heard = []
    while len(heard) < count:
        try:
            data = sock.recv(65536)
        except socket.timeout:
            break
        if data == b"end":
            break
        heard.append([len(data), data[:8].decode("latin1")])
    return heard


def send(host, port, texts, octets, ifname):
    """Each text filled up to `octets`."""
    sock = socket.socket(family_of(host), socket.SOCK_DGRAM)
    index = socket.if_nametoindex(ifname)
    if family_of(host) == socket.AF_INET6:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, index)
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 4)
    else:
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, bytes(8) + struct.pack("@i", index))
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 4)
        # IP_MTU_DISCOVER, IP_PMTUDISC_DO: a datagram that is too long is an error here.
        sock.setsockopt(socket.IPPROTO_IP, 10, 2)
    for text in texts:
        sock.sendto(text.encode().ljust(octets, b"."), (host, port))
    return len(texts)


def segment(host, port, octets, each, rounds):
    """`rounds` times `each` datagrams of `octets` by one call; the last is half as long."""
    sock = socket.socket(family_of(host), socket.SOCK_DGRAM)
    sock.setsockopt(SOL_UDP, UDP_SEGMENT, octets)
    for at in range(rounds):
        parts = [f"{at * each + i:08}".encode().ljust(octets, b".") for i in range(each)]
        parts[-1] = parts[-1][: octets // 2]
        sock.sendto(b"".join(parts), (host, port))
    return rounds * each


def stream(host, port, octets):
    """Random octets to an echo and back at once: whether all came back as they were."""
    sock = socket.create_connection((host, port), timeout=15)
    data = os.urandom(octets)
    sender = threading.Thread(target=lambda: (sock.sendall(data), sock.shutdown(socket.SHUT_WR)))
    sender.start()
    back = hashlib.sha256()
    while chunk := sock.recv(1 << 16):
        back.update(chunk)
    sender.join()
    return {"sent": hashlib.sha256(data).hexdigest(), "back": back.hexdigest()}


def echo(port):
    """Until it is ended."""
    server = socket.create_server(("::", port), family=socket.AF_INET6, dualstack_ipv6=True)

    def serve(peer):
        try:
            while chunk := peer.recv(1 << 16):
                peer.sendall(chunk)
            peer.close()
        except OSError:
            pass

    while True:
        peer, _ = server.accept()
        threading.Thread(target=serve, args=(peer,), daemon=True).start()


VERBS = {"receive": receive, "send": send, "segment": segment, "stream": stream, "echo": echo}

if __name__ == "__main__":
    try:
        print(json.dumps(VERBS[sys.argv[1]](**json.loads(sys.argv[2]))))
    except OSError as error:
        print(json.dumps({"error": str(error)}))
