#!/bin/sh
# What managers and balancers prove to each other who they are with: a certificate, and tokens. Made once, kept by the cluster; what
# is there already stays as it is. Needs openssl and kubectl, and writes nothing to this machine.
#
#   secrets.sh                 the Secrets lintel-manager-tls, lintel-tokens, lintel-balancer-token and lintel-metrics-token in the namespace lintel
#   secrets.sh token           prints the administrators' token
#   secrets.sh metrics-token   prints what a scraper must show
set -eu
umask 077
namespace=lintel
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

there() { kubectl --namespace "$namespace" get secret "$1" --output name >/dev/null 2>&1; }
secret() {
  name=$1
  shift
  kubectl --namespace "$namespace" create secret generic "$name" "$@"
  kubectl --namespace "$namespace" label secret "$name" app.kubernetes.io/part-of=lintel >/dev/null
}

if [ "${1:-}" = token ]; then
  kubectl --namespace "$namespace" get secret lintel-tokens --output 'jsonpath={.data.tokens}' | base64 -d | awk '$1 == "admin" { print $3; exit }'
  exit
fi

if [ "${1:-}" = metrics-token ]; then
  kubectl --namespace "$namespace" get secret lintel-metrics-token --output 'jsonpath={.data.token}' | base64 -d
  exit
fi

if there lintel-manager-tls; then
  echo "secret/lintel-manager-tls is there already"
else
  cd "$folder"
  openssl ecparam -name prime256v1 -genkey -noout -out ca.key
  openssl req -x509 -new -key ca.key -days 3650 -subj '/CN=lintel' -out ca.crt -addext 'basicConstraints=critical,CA:TRUE' -addext 'keyUsage=critical,keyCertSign'
  openssl ecparam -name prime256v1 -genkey -noout -out tls.key
  openssl req -new -key tls.key -subj '/CN=lintel-manager' -out tls.csr
  # By its name in the cluster, and as administrators reach it with kubectl port-forward.
  printf 'subjectAltName=DNS:lintel-manager.%s.svc,DNS:lintel-manager.%s.svc.cluster.local,DNS:localhost,IP:127.0.0.1\nextendedKeyUsage=serverAuth\n' "$namespace" "$namespace" >extensions
  openssl x509 -req -in tls.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 3650 -out tls.crt -extfile extensions 2>/dev/null
  secret lintel-manager-tls --from-file=tls.crt --from-file=tls.key --from-file=ca.crt
fi

if there lintel-tokens && there lintel-balancer-token; then
  echo "secret/lintel-tokens and secret/lintel-balancer-token are there already"
else
  cd "$folder"
  openssl rand -hex 24 | tr -d '\n' >token
  printf 'balancer balancers %s\nadmin administrators %s\n' "$(cat token)" "$(openssl rand -hex 24)" >tokens
  for name in lintel-tokens lintel-balancer-token; do kubectl --namespace "$namespace" delete secret "$name" --ignore-not-found >/dev/null; done
  secret lintel-tokens --from-file=tokens
  secret lintel-balancer-token --from-file=token
fi

if there lintel-metrics-token; then
  echo "secret/lintel-metrics-token is there already"
else
  cd "$folder"
  openssl rand -hex 24 >token
  secret lintel-metrics-token --from-file=token
fi
