#!/bin/sh
# Installs what a step of the project needs on a Debian machine that has only Node.js and npm.
# Usage: setup.sh build|demo|bench|test. Does nothing where everything is there already.
set -eu
cd "$(dirname "$0")"

build='g++ make'
demo='iproute2 iputils-ping containernetworking-plugins iptables curl openssl dnsmasq-base bind9-dnsutils nginx-light'
bench='iperf3 python3 sockperf wrk redis-server redis-tools nftables procps'
tests='clang clang-format lld llvm libclang-rt-14-dev libbpf-dev linux-libc-dev bpftool containerd runc
  qemu-system-x86 busybox-static ethtool tcpdump iperf3 systemd shellcheck kmod xz-utils
  procps python3 podman golang-go golang-github-appc-cni-dev redis-server redis-tools postgresql-15 postgresql-client-15
  mariadb-server-core mariadb-client-core kcat memcached mosquitto'
case ${1:-} in
  build) packages=$build ;;
  demo) packages="$build $demo" ;;
  bench) packages="$build $demo $bench" ;;
  test) packages="$build $demo $tests" ;;
  *) echo "usage: setup.sh build|demo|bench|test" >&2; exit 2 ;;
esac

missing=
for package in $packages; do
  [ "$(dpkg-query -W -f '${db:Status-Abbrev}' "$package" 2>/dev/null)" = 'ii ' ] || missing="$missing $package"
done
if [ -n "$missing" ]; then
  [ "$(id -u)" = 0 ] || { echo "setup: run as root to install:$missing" >&2; exit 1; }
  echo "setup: installing$missing" >&2
  # Debian starts a daemon when it installs it; nobody asked for a web server on port 80.
  policy=/usr/sbin/policy-rc.d
  if [ ! -e $policy ]; then
    printf '#!/bin/sh\nexit 101\n' >$policy
    chmod +x $policy
    trap 'rm -f /usr/sbin/policy-rc.d' EXIT
  fi
  # podman's package brings a network that any containerd with the default folder would take for its own, and
  # units that start with the machine.
  podman_network=/etc/cni/net.d/87-podman-bridge.conflist
  podman_units=
  server_units=
  cluster_conf=/etc/postgresql-common/createcluster.conf
  cluster_told=
  case " $missing " in
    *' podman '*) [ -e $podman_network ] || podman_units='podman.socket podman.service podman-restart.service
      podman-auto-update.timer podman-auto-update.service' ;;
  esac
  case " $missing " in
    *' redis-server '*) server_units=redis-server.service ;;
  esac
  case " $missing " in
    *' memcached '*) server_units="$server_units memcached.service" ;;
  esac
  case " $missing " in
    *' mosquitto '*) server_units="$server_units mosquitto.service" ;;
  esac
  case " $missing " in
    *' postgresql-15 '*)
      server_units="$server_units postgresql.service"
      # Its package would make a database of its own, unless it finds that told.
      if [ ! -e $cluster_conf ]; then
        mkdir -p ${cluster_conf%/*}
        cluster_told=yes
        echo 'create_main_cluster = false' >$cluster_conf
      fi
      ;;
  esac
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -qq
  # shellcheck disable=SC2086 # a list
  apt-get install -y -qq --no-install-recommends $missing >/dev/null
  # As the package puts it, and takes it away when it is purged: ours kept its own from being there.
  [ -z "$cluster_told" ] || cp /usr/share/postgresql-common/createcluster.conf $cluster_conf
  if [ -n "$podman_units" ]; then
    rm -f $podman_network
    rmdir -p --ignore-fail-on-non-empty /etc/cni/net.d 2>/dev/null || true
  fi
  if [ -n "$podman_units$server_units" ]; then
    # shellcheck disable=SC2086 # a list
    systemctl --quiet disable $podman_units $server_units 2>/dev/null || true
  fi
fi

if [ ! -f node_modules/.package-lock.json ] ||
  [ -n "$(find package-lock.json -newer node_modules/.package-lock.json)" ]; then
  echo "setup: npm ci" >&2
  npm ci --no-audit --no-fund --loglevel=error >&2
  touch node_modules/.package-lock.json
fi
