# Paced traffic of one pod: `serve` answers it and sends to the group, `drive PEER4 PEER6` makes it and says at
# each line on stdin, as JSON, what came of it since the line before, as soon as all of it is answered or is lost.
import json, os, select, socket, struct, sys, threading, time

TCP, UDP, GROUP_PORT, GROUP, PACE_S, TCP_TOTAL_RETRANS = 7000, 7001, 7002, '239.7.7.7', 0.005, 100
# Answers come in their order, late where the machine has much else to do: what a few later ones have overtaken is
# lost, and what none overtakes after so long. To the group nobody answers.
OVERTAKERS, LOST_S, GROUP_S = 5, 20, 1.5
# A reader that waits for a processor is no loss (linux/socket.h; its own limit does not hold for root).
SO_RCVBUFFORCE, QUEUE_OCTETS = 33, 16 << 20


def serve():
    listener = socket.create_server(('::', TCP), family=socket.AF_INET6, dualstack_ipv6=True)
    datagrams = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    datagrams.bind(('::', UDP))
    datagrams.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, QUEUE_OCTETS)
    group = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    group.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 4)
    readers, due, number = [listener, datagrams], time.monotonic(), 0
    while True:
        for reader in select.select(readers, [], [], max(0, due - time.monotonic()))[0]:
            if reader is listener:
                peer = listener.accept()[0]
                peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                readers.append(peer)
            elif reader is datagrams:
                octets, sender = datagrams.recvfrom(2048)
                datagrams.sendto(octets, sender)
            else:
                try:
                    octets = reader.recv(65536)
                    reader.sendall(octets)
                except OSError as error:
                    print(error, file=sys.stderr, flush=True)
                    octets = b''
                if not octets:
                    readers.remove(reader)
        if time.monotonic() >= due:
            group.sendto(struct.pack('!I', number), (GROUP, GROUP_PORT))
            number, due = number + 1, due + 2 * PACE_S


class Stream:
    """Echoed octets on one connection, one write in flight."""

    def __init__(self, host):
        self.socket = socket.create_connection((host, TCP))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.error, self.turns, self.slowest, self.before = None, 0, 0, 0
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        try:
            while True:
                begun, octets = time.monotonic(), 0
                self.socket.sendall(b'x' * 64)
                while octets < 64:
                    got = len(self.socket.recv(64))
                    if got == 0:
                        raise ConnectionError('closed')
                    octets += got
                self.turns += 1
                self.slowest = max(self.slowest, time.monotonic() - begun)
                time.sleep(PACE_S)
        except OSError as error:
            self.error = str(error)

    def settle(self):
        turns = self.turns
        return lambda: self.error or self.turns > turns + 2

    def tell(self):
        info = self.socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 192)
        total = struct.unpack_from('=I', info, TCP_TOTAL_RETRANS)[0]
        told = {'error': self.error, 'turns': self.turns, 'slowestMs': round(self.slowest * 1000, 1), 'retransmits': total - self.before}
        self.turns, self.slowest, self.before = 0, 0, total
        return told


class Numbered:
    """Datagrams with numbers; `missing` are those that no answer came for."""

    def __init__(self, sock, send, number_of):
        self.socket, self.send, self.number_of = sock, send, number_of
        sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, QUEUE_OCTETS)
        self.sent, self.answered, self.highest, self.told, self.until = 0, set(), 0, 0, 0
        threading.Thread(target=self.receive, daemon=True).start()
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            try:
                self.send(self.socket, self.sent + 1)
            except OSError:
                pass
            self.sent += 1
            time.sleep(PACE_S)

    def receive(self):
        while True:
            number = self.number_of(self.socket.recv(2048))
            if number is not None:
                self.answered.add(number)
                self.highest = max(self.highest, number)

    def settle(self):
        self.until = self.sent
        due = set(range(self.told + 1, self.until + 1))
        return lambda: due <= self.answered or self.highest > self.until + OVERTAKERS

    def tell(self):
        due = range(self.told + 1, self.until + 1)
        self.told = self.until
        return {'sent': len(due), 'lost': len([n for n in due if n not in self.answered])}


def datagrams(family, host, device=None):
    sock = socket.socket(family, socket.SOCK_DGRAM)
    if device:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, device.encode())
    sock.connect((host, UDP))
    return Numbered(sock, lambda s, n: s.send(struct.pack('!I', n)), lambda octets: struct.unpack('!I', octets)[0])


def echoes(family, protocol, host, request, reply, skipped):
    sock = socket.socket(family, socket.SOCK_RAW, protocol)
    sock.connect((host, 0))
    identity = os.getpid() & 0xffff

    def send(s, n):
        words = [request << 8, 0, identity, n & 0xffff]
        total = sum(words)
        words[1] = ~((total & 0xffff) + (total >> 16)) & 0xffff
        s.send(struct.pack('!4H', *words))

    def number(octets):
        kind, _, identifier, sequence = struct.unpack_from('!4H', octets, skipped)
        return sequence if kind >> 8 == reply and identifier == identity else None

    return Numbered(sock, send, number)


class Group:
    """What the peer sends to the group, by its numbers."""

    def __init__(self):
        self.socket, self.numbers, self.begun = socket.socket(socket.AF_INET, socket.SOCK_DGRAM), [], 0
        self.socket.bind((GROUP, GROUP_PORT))
        index = socket.if_nametoindex('eth0')
        self.socket.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, struct.pack('=4s4si', socket.inet_aton(GROUP), bytes(4), index))
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            self.numbers.append(struct.unpack('!I', self.socket.recv(64))[0])

    def settle(self):
        last, end = self.numbers[-1:], time.monotonic() + GROUP_S
        return lambda: self.numbers[-1:] != last or time.monotonic() > end

    def tell(self):
        told = set(self.numbers[self.begun:])
        self.begun += max(0, len(told) - 1)
        span = max(told) - min(told) + 1 if told else 0
        return {'received': len(told), 'lost': span - len(told)}


def drive(peer4, peer6):
    flows = {
        'tcp4': Stream(peer4),
        'tcp6': Stream(peer6),
        'udp4': datagrams(socket.AF_INET, peer4),
        'udp6': datagrams(socket.AF_INET6, peer6),
        'bound': datagrams(socket.AF_INET, peer4, 'eth0'),
        'ping4': echoes(socket.AF_INET, socket.IPPROTO_ICMP, peer4, 8, 0, 20),
        'ping6': echoes(socket.AF_INET6, socket.IPPROTO_ICMPV6, peer6, 128, 129, 0),
        'group': Group(),
    }
    for _ in sys.stdin:
        waits, end = [flow.settle() for flow in flows.values()], time.monotonic() + LOST_S
        while time.monotonic() < end and not all(settled() for settled in waits):
            time.sleep(PACE_S)
        print(json.dumps({name: flow.tell() for name, flow in flows.items()}), flush=True)


serve() if sys.argv[1] == 'serve' else drive(*sys.argv[2:])
