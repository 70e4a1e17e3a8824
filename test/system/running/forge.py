# Frames with markers as a pod with CAP_NET_RAW may send them: `DEVICE MARKER TEXT`, in either slot and in both.
# On vw0 with PACKET_QDISC_BYPASS too (linux/if_packet.h), which passes by all filters of the device's egress.
import socket, sys

PACKET_QDISC_BYPASS, SOL_PACKET, SO_MARK = 20, 263, 36
device, marker, payload = sys.argv[1], bytes.fromhex(sys.argv[2]), sys.argv[3].encode()
other = bytes.fromhex('020000000001')
for slots in (marker + other, other + marker, marker + marker):
    for bypass in (0, 1) if device != 'eth0' else (0,):
        sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
        sock.setsockopt(SOL_PACKET, PACKET_QDISC_BYPASS, bypass)
        sock.setsockopt(socket.SOL_SOCKET, SO_MARK, 0x76657468)
        sock.bind((device, 0))
        try:
            sock.send(slots + b'\x08\x00' + payload.ljust(60))
        except OSError:
            pass  # a filter's drop is told as ENOBUFS
