#!/bin/sh
# The runtime's environment may steer Node (NODE_OPTIONS, NODE_EXTRA_CA_CERTS) or the loader (LD_*):
# only what the program reads is handed on. Absolute paths, since PATH may be unset.
exec /usr/bin/env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
  ${CNI_COMMAND+CNI_COMMAND="$CNI_COMMAND"} ${CNI_CONTAINERID+CNI_CONTAINERID="$CNI_CONTAINERID"} \
  ${CNI_NETNS+CNI_NETNS="$CNI_NETNS"} ${CNI_IFNAME+CNI_IFNAME="$CNI_IFNAME"} \
  ${CNI_ARGS+CNI_ARGS="$CNI_ARGS"} ${CNI_PATH+CNI_PATH="$CNI_PATH"} \
  ${CNI_NETNS_OVERRIDE+CNI_NETNS_OVERRIDE="$CNI_NETNS_OVERRIDE"} \
  ${NOTIFY_SOCKET+NOTIFY_SOCKET="$NOTIFY_SOCKET"} ${WATCHDOG_USEC+WATCHDOG_USEC="$WATCHDOG_USEC"} \
  ${TERM+TERM="$TERM"} ${COLUMNS+COLUMNS="$COLUMNS"} \
  @NODE@ @MAIN@ "$@"
