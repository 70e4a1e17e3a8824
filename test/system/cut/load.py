"""One end of traffic whose order and octets are told: `server` or `client HOST KIND PORT SECONDS`.

A datagram or record is 8 octets, its number. The server answers every 16th, and says at the end of
each flow how many came, and how many after a higher number.
"""
import json, select, socket, struct, sys, time

PORT_UDP, PORT_TCP = 9000, 9001

def told(what, **more):
    print(json.dumps({'what': what, **more}), flush=True)

class Counted:
    def __init__(self):
        self.came = self.late = 0
        self.highest = -1
    def take(self, number):
        self.came += 1
        if number < self.highest: self.late += 1
        else: self.highest = number

def serve():
    udp = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    udp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
    udp.bind(('::', PORT_UDP))
    tcp = socket.create_server(('::', PORT_TCP), family=socket.AF_INET6, dualstack_ipv6=True)
    flows, streams = {}, {}
    told('ready')
    while True:
        for ready in select.select([udp, tcp, *streams], [], [])[0]:
            if ready is udp:
                data, peer = udp.recvfrom(64)
                if data == b'end':
                    flow = flows.pop(peer, Counted())
                    udp.sendto(json.dumps({'came': flow.came, 'late': flow.late}).encode(), peer)
                    continue
                flow = flows.setdefault(peer, Counted())
                flow.take(struct.unpack('!Q', data)[0])
                if flow.came % 16 == 1: udp.sendto(data, peer)
            elif ready is tcp:
                streams[tcp.accept()[0]] = 0
            else:
                # A cut flow's client is reset, and so is its end here.
                try:
                    data = ready.recv(65536)
                    ready.sendall(data[:1])
                except OSError: data = b''
                if not data: streams.pop(ready); ready.close()

def datagrams(host, seconds):
    s = socket.socket(socket.AF_INET6 if ':' in host else socket.AF_INET, socket.SOCK_DGRAM)
    s.connect((host, PORT_UDP))
    s.setblocking(False)
    sent, end = 0, time.monotonic() + seconds
    while time.monotonic() < end:
        for _ in range(8):
            try: s.send(struct.pack('!Q', sent)); sent += 1
            except BlockingIOError: break
        try: s.recv(64)
        except BlockingIOError: pass
        time.sleep(0.0002)
    s.setblocking(True)
    s.settimeout(0.5)
    while True:
        try:
            s.send(b'end')
            while True:
                answer = s.recv(64)
                if answer[:1] == b'{': return told('sent', sent=sent, **json.loads(answer))
        except socket.timeout: pass

def stream(host, seconds):
    """Records every few ms for as long; each is answered before the next is sent."""
    s = socket.create_connection((host, PORT_TCP), 5)
    s.settimeout(5)
    told('connected', port=s.getsockname()[1])
    sent, end = 0, time.monotonic() + seconds
    try:
        while time.monotonic() < end:
            s.sendall(b'x' * 1000)
            if not s.recv(1): break
            sent += 1000
            time.sleep(0.002)
        s.shutdown(socket.SHUT_WR)
        s.close()
        told('sent', sent=sent)
    except OSError as error:
        told('broken', error=type(error).__name__, sent=sent)

if sys.argv[1] == 'server': serve()
else: {'udp': datagrams, 'tcp': stream}[sys.argv[2]](sys.argv[1], float(sys.argv[3]))
