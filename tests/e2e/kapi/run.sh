#!/bin/bash
# A real kube-apiserver for tests, on loopback only, and drivers around Kubernetes' own code.
#   run.sh build [NAME]       builds the server, or src/NAME, once per go.mod, go.sum, its own files and Go version; prints the
#                             binary's path. All are built with the same flags, so that they share what Go has compiled
#   run.sh start DIR [PORT]   starts it; writes DIR/kubeconfig, DIR/ca.crt, DIR/admin.token and DIR/url;
#                             $KAPI_FLAGS holds further flags of kube-apiserver, parted by spaces
#   run.sh stop DIR           stops it; its data stay in DIR
set -euo pipefail
src=$(cd "$(dirname "$0")" && pwd)/src
cache=${KAPI_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/kapi}
export GOTOOLCHAIN=local GOFLAGS=-mod=readonly

build() { # the name of a directory in src; without one, the server
  local name=${1:-kapi} package=./${1:-.} key bin
  key=$(cd "$src" && { go version; cat go.mod go.sum "$package"/*.go; } | sha256sum | cut -c1-16)
  bin=$cache/$name-$key
  if [ ! -x "$bin" ]; then
    mkdir -p "$cache"
    echo "building $name of Kubernetes' source, once; the first takes 10 to 20 minutes" >&2
    (cd "$src" && nice -n 5 go build -trimpath -buildvcs=false \
      -ldflags '-s -w -X k8s.io/component-base/version.gitVersion=v1.37.2' -o "$bin.new" "$package" && mv "$bin.new" "$bin") >&2
  fi
  echo "$bin"
}

start() {
  local bin dir port token pid
  bin=$(build)
  umask 077
  mkdir -p "$1"; dir=$(cd "$1" && pwd)   # keep it short: a Unix socket's path has at most 107 bytes
  port=${2:-$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')}
  token=$(openssl rand -hex 16)
  [ -f "$dir/sa.key" ] || openssl genrsa -out "$dir/sa.key" 2048 2> /dev/null
  echo "$token" > "$dir/admin.token"
  echo "$token,admin,admin,\"system:masters\"" > "$dir/tokens.csv"
  setsid "$bin" "$dir/etcd" \
    --bind-address=127.0.0.1 --advertise-address=127.0.0.1 --secure-port="$port" --cert-dir="$dir/certs" \
    --endpoint-reconciler-type=none --service-cluster-ip-range=10.0.0.0/24 \
    --authorization-mode=RBAC --anonymous-auth=false --token-auth-file="$dir/tokens.csv" \
    --service-account-issuer=https://kubernetes.default.svc \
    --service-account-key-file="$dir/sa.key" --service-account-signing-key-file="$dir/sa.key" \
    --disable-admission-plugins=ServiceAccount ${KAPI_FLAGS:-} > "$dir/log" 2>&1 < /dev/null &
  pid=$!; echo $pid > "$dir/pid"
  for _ in $(seq 1200); do
    kill -0 $pid 2> /dev/null || { echo 'kube-apiserver ended:'; tail -20 "$dir/log"; exit 1; } >&2
    if [ -f "$dir/certs/apiserver.crt" ] && curl -fs -o /dev/null --cacert "$dir/certs/apiserver.crt" \
        -H "Authorization: Bearer $token" "https://127.0.0.1:$port/readyz"; then ready=1; break; fi
    sleep 0.1
  done
  [ "${ready:-}" ] || { echo 'kube-apiserver is not ready after two minutes' >&2; kill $pid; exit 1; }
  awk '/BEGIN/ {n++} n == 2' "$dir/certs/apiserver.crt" > "$dir/ca.crt"   # its own certificate comes first, then its CA's
  echo "https://127.0.0.1:$port" > "$dir/url"
  cat > "$dir/kubeconfig" <<YAML
apiVersion: v1
kind: Config
current-context: test
clusters: [{name: test, cluster: {server: "https://127.0.0.1:$port", certificate-authority: "$dir/ca.crt"}}]
users: [{name: admin, user: {token: "$token"}}]
contexts: [{name: test, context: {cluster: test, user: admin}}]
YAML
}

stop() {
  local pid; pid=$(cat "$1/pid")
  kill "$pid" 2> /dev/null || true
  for _ in $(seq 300); do kill -0 "$pid" 2> /dev/null || { rm -f "$1/pid"; return 0; }; sleep 0.1; done
  kill -9 "$pid"; rm -f "$1/pid"; echo 'kube-apiserver had to be killed' >&2; return 1
}

case ${1:-} in build) build "${2:-}" ;; start) start "$2" "${3:-}" ;; stop) stop "$2" ;; *) sed -n 2,8p "$0"; exit 2 ;; esac
