/** The engine's counters in an operator's words. */

/** What the operator does when this one grows; the others are explained by their name. */
export const ENGINE_HELP: Readonly<Record<string, string>> = {
  unknown_endpoint:
    'Frames of endpoints that dpd does not know. Growing: look for pods in `dpctl pods`, then restart dpd.',
  malformed:
    'Frames that are no valid IP. Growing in protect: capture on the pod, something forges packets.',
  flow_table_full:
    'Flows evicted early. Growing: too many short flows, look at `dpctl flows --state live`.',
  hold_time:
    'Flows held for 1 s without a verdict. Growing: the node has too little CPU, or a parser waits.',
  hold_memory:
    'Flows that ran into the hold limit. Growing: look at `dpctl flows` for reason hold-limit.',
  contradiction:
    'Segments that contradict octets already judged, dropped. Growing: an evasion attempt; look at the sender.',
  unacceptable:
    'TCP segments that their receiver would discard (PAWS, acknowledgements of what was never sent, foreign signatures), not read and inline dropped. Growing: an evasion attempt, or a broken middlebox; look at the sender.',
  urgent_cleared:
    'Segments whose urgent pointer was cleared, so that the pod reads what was judged (RFC 6093). Growing: a program of old (telnet, rlogin), or an evasion attempt.',
  urgent_seen:
    'Segments with an urgent pointer in copies: a pod may read that octet apart from the rest. Growing: as urgent_cleared; protect clears it.',
  spoofed_ip:
    'Packets from pods under an address that is not theirs, dropped. Growing: `dpctl status` names the pods; one that forwards goes into spoofing.allow.',
  spoofed_arp: 'ARP of pods for addresses that are not theirs, dropped. Growing: see spoofed_ip.',
  spoofed_nd:
    'Neighbour discovery of pods for others, or as a router, dropped. Growing: see spoofed_ip.',
  arp_conflicts:
    "Others that claim a pod's address (RFC 5227). Growing: an address is given twice; look at the IPAM.",
  dhcp_refused:
    'Answers of DHCP servers that dhcpServers does not name, dropped. Growing: somebody plays DHCP server.',
  tunnel_malformed:
    'Packets of tunnels that carry what nobody can read. Growing in protect: look at the tunnel; it takes the failure setting.',
  tunnel_depth:
    'Packets within more tunnels than inspection.tunnelDepth. Growing: raise it, or look at who nests them.',
  tunnel_unjudged:
    'Segments within tunnels that would have to be changed (urgent data, data in a SYN), dropped.',
  tunnel_unanswered:
    'Denials of what a tunnel carries: the sender was not told, for a tunnel is not answered.',
  queue_overflow:
    'Packets that a full NFQUEUE queue dropped. Growing: dpd has too little CPU, or flows of that pod are held.',
  queue_passed_unread:
    'Packets that passed unread, for an NFQUEUE queue was full and failure is open. Growing: as queue_overflow.',
  raw_send_failed:
    "Packets that could not be sent into a pod's namespace. Growing: look at its routes and MTU.",
  events_lost: 'Events that the ring had no room for. Growing: give dpd more CPU.',
  copies_shed:
    'Copies of payload that were not read, so that flows that wait for a verdict got theirs in time. Growing: give dpd more CPU or read less deep.',
  midstream_denied:
    'TCP flows without a seen beginning, denied. A burst after a restart of dpd is normal.',
}
