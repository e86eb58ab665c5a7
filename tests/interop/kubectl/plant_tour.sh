#!/usr/bin/env bash
# A tour of `wireway up` with an unmodified kubectl over HTTPS: the way of an administrator from the first manifest to
# roles and tokens.
#
#   plant_tour.sh <wireway> <project folder> [kubectl]
#
# Exit 77: kubectl is not there, or older than 1.27, which cannot explain, make tokens or say who it is.
set -u

here=$(cd "$(dirname "$0")" && pwd)
wireway=$(realpath "$1")
project=$(realpath "$2")
kubectl_bin=${3:-$(command -v kubectl || true)}
if [ -z "$kubectl_bin" ]; then
  echo "skipped: no kubectl; install Debian's kubernetes-client or another kubectl"
  exit 77
fi
minor=$("$kubectl_bin" version --client -o json | sed -n 's/.*"minor": "\([0-9]*\).*/\1/p' | head -1)
if [ "$minor" -lt 27 ]; then
  echo "skipped: this tour needs kubectl 1.27 or newer, this is 1.$minor"
  exit 77
fi

folder=$(mktemp -d)
server_pid=
watch_pid=
trap 'kill $server_pid $watch_pid 2>/dev/null; wait 2>/dev/null; rm -rf "$folder"' EXIT
cd "$folder" || exit 1
export HOME=$folder KUBECONFIG=$folder/data/kubeconfig
. "$here/lib.sh"

until_there() { # file, made and not empty
  for _ in $(seq 100); do
    [ -s "$1" ] && return 0
    sleep 0.1
  done
  return 1
}

free_ports() { # two that nobody listened on just now
  node -e 'const net = require("net"); const a = net.createServer().listen(0, "127.0.0.1", () => {
    const b = net.createServer().listen(0, "127.0.0.1", () => {
      console.log(a.address().port, b.address().port); a.close(); b.close(); }); });'
}

"$wireway" up --data data --port 0 > up.out 2> up.log &
server_pid=$!
until_there data/kubeconfig || { cat up.log; exit 1; }
expect 'server: https://127.0.0.1:' kubectl config view
expect 'v1\.32\.0\+wireway' kubectl version

# -- apply -k, and everything that the project shows --------------------------------------------------
mkdir plant
read -r mqtt websocket <<< "$(free_ports)"
cat > plant/broker.yaml << END
apiVersion: mqttbroker.iotoperations.azure.com/v1
kind: Broker
metadata: {name: default, namespace: azure-iot-operations}
spec: {memoryProfile: Tiny}
---
apiVersion: mqttbroker.iotoperations.azure.com/v1
kind: BrokerListener
metadata: {name: default, namespace: azure-iot-operations}
spec:
  brokerRef: default
  serviceType: ClusterIp
  ports: [{port: $mqtt, protocol: Mqtt}, {port: $websocket, protocol: WebSockets}]
END
printf 'resources: [broker.yaml]\nlabels: [{pairs: {line: one}}]\n' > plant/kustomization.yaml
expect 'brokerlistener.*/default created' kubectl apply -k plant
expect 'condition met' kubectl wait --for=condition=Ready brokerlistener/default --timeout=20s
expect 'line=one' kubectl get brokerlistener default --show-labels

# -- server-side apply: whose field is it -------------------------------------------------------------
asset() { # name display-name
  printf 'apiVersion: deviceregistry.microsoft.com/v1\nkind: Asset\n'
  printf 'metadata: {name: %s, namespace: azure-iot-operations}\n' "$1"
  printf 'spec: {assetEndpointProfileRef: plc, displayName: %s}\n' "$2"
}
asset press One > press.yaml
expect 'press serverside-applied' kubectl apply --server-side --field-manager=one -f press.yaml
asset press Two > press.yaml
refuse 'conflict with "one"' kubectl apply --server-side --field-manager=two -f press.yaml
expect 'serverside-applied' kubectl apply --server-side --field-manager=two --force-conflicts -f press.yaml

# -- edit and patch -----------------------------------------------------------------------------------
expect 'edited' env KUBE_EDITOR='sed -i s/Two/Three/' "$kubectl_bin" edit assets.deviceregistry.microsoft.com press
expect 'patched' kubectl patch asset press --type=merge -p '{"spec":{"displayName":"Merged"}}'
expect 'patched' kubectl patch asset press --type=json \
  -p '[{"op":"replace","path":"/spec/displayName","value":"Pointed"}]'
expect 'created' kubectl create configmap recipe --from-literal=a=1
expect 'patched' kubectl patch configmap recipe --type=strategic -p '{"data":{"b":"2"}}'
expect '^Pointed$' kubectl get asset press -o 'jsonpath={.spec.displayName}'

# -- explain every kind -------------------------------------------------------------------------------
kubectl api-resources --categories=wireway --no-headers | awk '{print $1, $(NF-2)}' > kinds
expect '^[1-9][0-9] ' wc -l kinds
while read -r plural version; do
  expect 'FIELDS:' kubectl explain "$plural" --recursive --api-version="$version"
done < kinds

# -- watch --------------------------------------------------------------------------------------------
kubectl get assets.deviceregistry.microsoft.com -w > watch.out 2>&1 &
watch_pid=$!
until_seen '^press' watch.out || failed=$((failed + 1))
asset lathe One > lathe.yaml
expect 'created' kubectl apply -f lathe.yaml
until_seen '^lathe' watch.out || failed=$((failed + 1))

# -- delete: what is owned goes first, goes too, or stays --------------------------------------------
owned() { # name of the owner
  local uid
  uid=$(kubectl get configmap "$1" -o 'jsonpath={.metadata.uid}')
  printf 'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: %s-part\n  ownerReferences:\n' "$1"
  printf '    - {apiVersion: v1, kind: ConfigMap, name: %s, uid: %s, blockOwnerDeletion: true}\n' "$1" "$uid"
}
for how in background foreground orphan; do
  expect 'created' kubectl create configmap "$how"
  owned "$how" > part.yaml
  expect 'created' kubectl apply -f part.yaml
  expect 'deleted' kubectl delete configmap "$how" --cascade="$how" --timeout=20s
  refuse 'not found' kubectl get configmap "$how"
done
expect '^$|condition met' kubectl wait --for=delete configmap/background-part --timeout=20s
refuse 'not found' kubectl get configmap background-part
refuse 'not found' kubectl get configmap foreground-part
expect '^orphan-part' kubectl get configmap orphan-part --no-headers

# -- 1,000 assets from one file -----------------------------------------------------------------------
for i in $(seq 1000); do echo '---'; asset "mass-$i" "Number-$i"; done > thousand.yaml
begun=$(date +%s%N)
lines() { kubectl apply --server-side -f thousand.yaml | grep -c serverside-applied; }
expect '^1000$' lines
echo "1,000 assets applied in $((($(date +%s%N) - begun) / 1000000)) ms"
count() { kubectl get assets.deviceregistry.microsoft.com --no-headers --chunk-size=100 | grep -c '^mass-' || true; }
expect '^1000$' count
sed -i 's/Number-/Changed-/' thousand.yaml
expect '^1000$' lines
expect '^Changed-777$' kubectl get asset mass-777 -o 'jsonpath={.spec.displayName}'
expect 'mass-1000.* deleted' kubectl delete -f thousand.yaml --wait=false
expect '^0$' count

# -- roles: what each of the shipped ones may ---------------------------------------------------------
expect 'created' kubectl create serviceaccount ann
ann=system:serviceaccount:azure-iot-operations:ann
can() { kubectl auth can-i "$1" "$2" --as="${who:-$ann}" --quiet && echo yes || echo no; }
while read -r role resource viewer_reads other; do
  for half in viewer administrator; do
    expect 'created' kubectl create rolebinding "$role-$half" --clusterrole="wireway:$role-$half" \
      --serviceaccount=azure-iot-operations:ann
    expect "^$viewer_reads\$" can list "$resource"
    writes=no
    [ "$half" = administrator ] && writes=yes
    expect "^$writes\$" can update "$resource"
    expect '^no$' can update "$other"
    expect '^no$' can delete namespaces
    expect 'deleted' kubectl delete rolebinding "$role-$half"
  done
done << END
instance brokers.mqttbroker.iotoperations.azure.com yes assets.deviceregistry.microsoft.com
asset assets.deviceregistry.microsoft.com yes brokers.mqttbroker.iotoperations.azure.com
device devices.namespaces.deviceregistry.microsoft.com yes brokers.mqttbroker.iotoperations.azure.com
dataflow dataflows.connectivity.iotoperations.azure.com yes brokers.mqttbroker.iotoperations.azure.com
dataflow-destination dataflowendpoints.connectivity.iotoperations.azure.com yes dataflows.connectivity.iotoperations.azure.com
mq brokerauthorizations.mqttbroker.iotoperations.azure.com yes assets.deviceregistry.microsoft.com
END
for half in viewer administrator; do
  expect 'created' kubectl create rolebinding all --clusterrole="wireway:$half" \
    --serviceaccount=azure-iot-operations:ann
  expect '^yes$' can list dataflows.connectivity.iotoperations.azure.com
  expect '^yes$' can list devices.namespaces.deviceregistry.microsoft.com
  expect '^no$' can create rolebindings.rbac.authorization.k8s.io
  [ "$half" = viewer ] && expect 'deleted' kubectl delete rolebinding all
done
who=system:serviceaccount:azure-iot-operations:setup
expect 'created' kubectl create clusterrolebinding onboarding --clusterrole=wireway:onboarding \
  --serviceaccount=azure-iot-operations:setup
expect '^yes$' can create instances.iotoperations.azure.com
expect '^yes$' can create namespaces
expect '^no$' can delete instances.iotoperations.azure.com
who=
expect 'deleted' kubectl delete clusterrolebinding onboarding
expect '^yes$' kubectl auth can-i '*' '*'

# -- scale --------------------------------------------------------------------------------------------
cat > profile.yaml << 'END'
apiVersion: connectivity.iotoperations.azure.com/v1
kind: DataflowProfile
metadata: {name: spare, namespace: azure-iot-operations}
spec: {instanceCount: 1}
END
expect 'created' kubectl apply -f profile.yaml
expect 'scaled' kubectl scale dataflowprofile spare --replicas=2
expect '^2$' kubectl get dataflowprofile spare -o 'jsonpath={.spec.instanceCount}'
expect 'deleted' kubectl delete dataflowprofile spare

# -- tokens: who am I, and what may I -----------------------------------------------------------------
token=$(kubectl create token ann --duration=20m)
ca=$folder/data/keys/ca.crt
as_ann() {
  KUBECONFIG=/dev/null kubectl --server="$(kubectl config view -o 'jsonpath={.clusters[0].cluster.server}')" \
    --certificate-authority="$ca" --token="$token" -n azure-iot-operations "$@"
}
expect "$ann" as_ann auth whoami
expect '^press' as_ann get assets.deviceregistry.microsoft.com
refuse 'Forbidden.*cannot create resource "rolebindings"|cannot create resource "rolebindings"' \
  as_ann create rolebinding more --clusterrole=cluster-admin --serviceaccount=azure-iot-operations:ann
expect 'created' kubectl create secret generic shift
token=$(kubectl create token ann --bound-object-kind Secret --bound-object-name shift)
expect "$ann" as_ann auth whoami
expect 'deleted' kubectl delete secret shift
refuse 'Unauthorized|must be logged in' as_ann auth whoami
expect 'created' kubectl create role one --verb=get,list,watch --resource=configmaps --resource-name=mine
expect 'created' kubectl create rolebinding one --role=one --serviceaccount=azure-iot-operations:ann
expect 'created' kubectl create configmap mine
token=$(kubectl create token ann)
expect '^mine' as_ann get configmaps --field-selector metadata.name=mine
refuse 'cannot list resource "configmaps"' as_ann get configmaps
expect 'deleted' kubectl delete serviceaccount ann
refuse 'Unauthorized|must be logged in' as_ann get assets.deviceregistry.microsoft.com

# -- every kind of the documented system: applied, and its status says what becomes of it --------------
expect 'created|configured|unchanged|serverside-applied' kubectl apply --server-side --force-conflicts -R -f "$project/examples/reference"
expect 'condition met' kubectl wait --for='jsonpath={.status.conditions[0].reason}'=NotServedYet --timeout=20s \
  -f "$project/examples/reference/layerednetworkmgmt-lnm.yaml"

finish
