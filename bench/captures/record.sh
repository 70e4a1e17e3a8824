#!/bin/sh
# Records real clients against real servers, one capture per protocol. As root; needs curl, openssl, nginx, dnsmasq,
# dig, redis, mariadb, postgresql, openssh, python3, tcpdump and ethtool. In a network namespace of its own, so that
# ports never clash; segments are cut as on a 1500-octet link.
set -eu
if [ "${RECORD_NETNS:-}" != yes ]; then
  RECORD_NETNS=yes exec unshare --net --mount "$0" "$@"
fi
ip link set lo up mtu 1500
ethtool -K lo tso off gso off gro off
here=$(cd "$(dirname "$0")" && pwd)
tmp=$(mktemp -d)
servers=
dump=
trap 'kill $servers $dump 2>/dev/null || true; wait; rm -rf "$tmp"' EXIT
chmod a+rx "$tmp"

serve() {
  "$@" >>"$tmp/servers.log" 2>&1 &
  servers="$servers $!"
}

listening() { # t|u PORT
  n=0
  until ss -Hln"$1" "sport = :$2" | grep -q .; do
    n=$((n + 1))
    [ "$n" -lt 400 ] || { echo "record: nothing listens on port $2" >&2; cat "$tmp/servers.log" >&2; exit 1; }
    sleep 0.05
  done
}

# record NAME PORT FUNCTION: what the function does, to its last acknowledgement.
record() {
  rm -f "$tmp/tcpdump.log"
  tcpdump --immediate-mode -n -i lo -U -w "$tmp/$1.pcap" "port $2" 2>"$tmp/tcpdump.log" &
  dump=$!
  until grep -qs 'listening on' "$tmp/tcpdump.log"; do sleep 0.05; done
  "$3" >"$tmp/client.log" 2>&1 </dev/null || echo "record: $1: the client ended with $?" >&2
  sleep 0.5
  kill "$dump"
  wait "$dump" || true
  dump=
  gzip -9 -n -c "$tmp/$1.pcap" >"$here/$1.pcap.gz"
  echo "record: $1: $(grep captured "$tmp/tcpdump.log"), $(wc -c <"$here/$1.pcap.gz") octets"
}

# http: python's server keeps connections alive; a page, styles and a larger file, as a browser would.
mkdir "$tmp/www"
seq -f '<li class="entry">item %g of a list</li>' 40 >"$tmp/www/index.html"
seq -f '.entry-%g { color: #333 }' 10 >"$tmp/www/site.css"
seq -f 'line %g of a text file that is longer than one segment' 700 >"$tmp/www/report.txt"
chmod -R a+rX "$tmp/www"
serve python3 -m http.server -b 127.0.0.1 -p HTTP/1.1 -d "$tmp/www" 8000
listening t 8000
http() {
  for round in 1 2 3 4; do
    url=http://shop.example:8000
    curl -s --resolve shop.example:8000:127.0.0.1 "$url/index.html?$round" "$url/site.css" "$url/report.txt" \
      "$url/none" "$url/site.css?v=2" "$url/index.html" "$url/report.txt?$round"
  done
}
record http 8000 http

# tls 1.2 and 1.3, a handshake and a small page each, one larger transfer.
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 3650 -subj /CN=shop.example \
  -keyout "$tmp/key.pem" -out "$tmp/cert.pem" 2>/dev/null
sed "s|TMP|$tmp|g" >"$tmp/nginx.conf" <<'CONF'
daemon off; pid TMP/nginx.pid; error_log TMP/nginx.log;
events { worker_connections 64; }
http {
  access_log off; client_body_temp_path TMP/body; proxy_temp_path TMP/proxy; fastcgi_temp_path TMP/fastcgi;
  uwsgi_temp_path TMP/uwsgi; scgi_temp_path TMP/scgi;
  ssl_protocols TLSv1.2 TLSv1.3;
  server { listen 127.0.0.1:8443 ssl; root TMP/www; ssl_certificate TMP/cert.pem; ssl_certificate_key TMP/key.pem; }
}
CONF
serve nginx -c "$tmp/nginx.conf"
listening t 8443
tls() {
  for version in 1.2 1.3 1.2 1.3; do
    url=https://shop.example:8443
    curl -sk --resolve shop.example:8443:127.0.0.1 "--tlsv$version" --tls-max "$version" \
      "$url/index.html" "$url/site.css" "$url/site.css?2" "$url/none" "$url/index.html"
  done
}
record tls 8443 tls

serve dnsmasq --no-daemon --no-resolv --no-hosts --port=8053 --listen-address=127.0.0.1 --bind-interfaces \
  --host-record=web.example,192.0.2.7,2001:db8::7 --cname=www.example,web.example \
  --mx-host=example,mail.example,10 --txt-record=example,"v=spf1 -all" --address=/gone.example/ --user=root
listening u 8053
dns() {
  for name in web.example www.example gone.example other.web.example; do
    for type in A AAAA MX TXT HTTPS; do
      dig @127.0.0.1 -p 8053 +tries=1 +time=2 "$name" "$type"
    done
  done
}
record dns 8053 dns

serve redis-server --port 8379 --save '' --dir "$tmp"
listening t 8379
redis() { redis-benchmark -h 127.0.0.1 -p 8379 -c 4 -n 40 -t set,get,incr,lpush,hset -d 40 -r 100000; }
record redis 8379 redis

mkdir "$tmp/mysql"
mariadb-install-db --no-defaults --user=root --datadir="$tmp/mysql" --auth-root-authentication-method=normal \
  ${MARIADB_BASE:+--basedir="$MARIADB_BASE"} >>"$tmp/servers.log" 2>&1
serve mariadbd --no-defaults --user=root --datadir="$tmp/mysql" --socket="$tmp/mysql.sock" --port=8306 \
  --bind-address=127.0.0.1 ${MARIADB_BASE:+--lc-messages-dir="$MARIADB_BASE/share/mysql"}
listening t 8306
mysql() {
  {
    echo 'create database shop; use shop; create table item (id int primary key, name varchar(60));'
    seq -f 'insert into item values (%g, "an item of the shop");' 40
    seq -f 'select * from item where id < %g;' 40
  } >"$tmp/shop.sql"
  mariadb --no-defaults -h 127.0.0.1 -P 8306 -u root --skip-ssl <"$tmp/shop.sql"
}
record mysql 8306 mysql

mkdir "$tmp/postgres"
chown nobody "$tmp/postgres"
as_nobody() { setpriv --reuid nobody --regid nogroup --clear-groups "$@"; }
as_nobody initdb -D "$tmp/postgres" -A trust -U shop -N >>"$tmp/servers.log" 2>&1
serve as_nobody postgres -D "$tmp/postgres" -p 8432 -k ''
listening t 8432
postgres_queries() {
  {
    echo 'create table item (id int primary key, name text);'
    seq -f "insert into item values (%g, 'an item of the shop');" 40
    seq -f 'select * from item where id < %g;' 40
  } >"$tmp/item.sql"
  psql -q -h 127.0.0.1 -p 8432 -U shop -d postgres <"$tmp/item.sql"
}
record postgres 8432 postgres_queries

# What sshd needs of the machine, in this namespace only.
mount -t tmpfs tmpfs /run
mkdir /run/sshd
cp /etc/passwd "$tmp/passwd"
grep -q ^sshd: "$tmp/passwd" || echo 'sshd:x:65533:65534::/run/sshd:/bin/false' >>"$tmp/passwd"
mount --bind "$tmp/passwd" /etc/passwd
ssh-keygen -q -t ed25519 -N '' -f "$tmp/host_key"
ssh-keygen -q -t ed25519 -N '' -f "$tmp/user_key"
cat >"$tmp/sshd_config" <<CONF
ListenAddress 127.0.0.1:8022
HostKey $tmp/host_key
AuthorizedKeysFile $tmp/user_key.pub
StrictModes no
UsePAM no
PidFile none
CONF
serve "$(command -v sshd)" -D -e -f "$tmp/sshd_config"
listening t 8022
remote() {
  ssh -F none -p 8022 -i "$tmp/user_key" -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null \
    root@127.0.0.1 "$@"
}
ssh_commands() {
  remote 'for i in $(seq 60); do echo "$i: a line as an interactive command prints it"; done'
  remote "head -c 12000 /dev/zero"
}
record ssh 8022 ssh_commands
