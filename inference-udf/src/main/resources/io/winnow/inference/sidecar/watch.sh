# SPDX-License-Identifier: Apache-2.0
# Runs a server and ends it, with all that it has started, when standard input closes: that is when whoever started this
# shell closes it or dies, by whatever signal. Ends with the server's exit code once nobody of it is left.
#   $1  a mark in the environment of all processes of the server
#   $2  seconds from SIGTERM to SIGKILL
#   $3  how the server gets a process group of its own: setsid, monitor (bash's job control) or none
#   then the command
mark=$1 grace=$2 group=$3
shift 3
exec 3<&0 </dev/null

# Those that left the group are known by the mark that they inherited.
marked() {
  grep -ls "WINNOW_SIDECAR=$mark" /proc/[0-9]*/environ 2>/dev/null
}

# Each once: a second SIGTERM makes some servers drop what they were putting in order.
signal() {
  name=$1
  if [ "$group" != none ]; then
    kill -s "$name" -- "-$server" 2>/dev/null
  fi
  reached=
  for environ in $(marked); do
    pid=${environ#/proc/}
    pid=${pid%/environ}
    { read -r stat <"/proc/$pid/stat"; } 2>/dev/null || continue
    # Behind the name, which may hold anything, stand state, parent and group.
    set -- ${stat##*) }
    if [ "$group" = none ] || [ "$3" != "$server" ]; then
      kill -s "$name" "$pid" 2>/dev/null
      [ "$pid" != "$server" ] || reached=yes
    fi
  done
  if [ "$group" = none ] && [ -z "$reached" ]; then
    kill -s "$name" "$server" 2>/dev/null
  fi
}

alive() {
  if [ "$group" = none ]; then
    kill -0 "$server" 2>/dev/null && return 0
  else
    kill -s 0 -- "-$server" 2>/dev/null && return 0
  fi
  [ -n "$(marked)" ]
}

nap() {
  sleep 0.1 2>/dev/null || sleep 1
}

stop() {
  alive || return 0
  signal TERM
  end=$(($(date +%s) + $1))
  while alive && [ "$(date +%s)" -le "$end" ]; do
    nap
  done
  # Again while somebody is left: one that was forking when the list was made is in the next one. A zombie whose new
  # parent does not reap it would stay for ever, so not without end.
  tries=0
  while alive && [ "$tries" -lt 30 ]; do
    signal KILL
    nap
    tries=$((tries + 1))
  done
}

case $group in
  setsid) WINNOW_SIDECAR=$mark setsid "$@" 3<&- & ;;
  monitor)
    set -m
    WINNOW_SIDECAR=$mark "$@" 3<&- &
    set +m
    ;;
  *) WINNOW_SIDECAR=$mark "$@" 3<&- & ;;
esac
server=$!
echo "winnow: the server is process $server"

# Handlers and not "ignore", which the server would have inherited.
trap 'stop "$grace"' TERM INT HUP
(
  trap - TERM INT HUP
  while read -r _; do :; done
  stop "$grace"
) <&3 >/dev/null 2>&1 &
reader=$!
exec 3<&-

while :; do
  wait "$server"
  code=$?
  kill -0 "$server" 2>/dev/null || break
done
kill "$reader" 2>/dev/null
# What a server that died has left behind holds its memory.
[ "$grace" -lt 5 ] || grace=5
stop "$grace"
exit "$code"
