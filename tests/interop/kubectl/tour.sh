#!/usr/bin/env bash
# A tour of the API server with an unmodified kubectl: what a user types, and what must come back.
#
#   tour.sh <interop_api_server> [kubectl]
#
# Exit 77: kubectl is not there; ctest then counts the test as skipped.
set -u

here=$(cd "$(dirname "$0")" && pwd)
server=$(realpath "$1")
kubectl_bin=${2:-$(command -v kubectl || true)}
if [ -z "$kubectl_bin" ]; then
  echo "skipped: no kubectl; install Debian's kubernetes-client or another kubectl"
  exit 77
fi

folder=$(mktemp -d)
server_pid=
watch_pid=
trap 'kill $server_pid $watch_pid 2>/dev/null; wait 2>/dev/null; rm -rf "$folder"' EXIT
cd "$folder" || exit 1
export HOME=$folder KUBECONFIG=$folder/kubeconfig

start_server() { # [port]
  : > "$folder/server.out"
  "$server" "$folder/state.db" "${1:-0}" > "$folder/server.out" 2> "$folder/server.log" &
  server_pid=$!
  for _ in $(seq 100); do
    port=$(sed -n 's/^port //p' "$folder/server.out")
    [ -n "$port" ] && return
    kill -0 "$server_pid" 2>/dev/null || break
    sleep 0.1
  done
  cat "$folder/server.log"
  exit 1
}

. "$here/lib.sh"

start_server
cat > kubeconfig << END
apiVersion: v1
kind: Config
clusters: [{name: wireway, cluster: {server: "http://127.0.0.1:$port"}}]
contexts: [{name: wireway, context: {cluster: wireway, user: me, namespace: azure-iot-operations}}]
users: [{name: me, user: {}}]
current-context: wireway
END
minor=$(kubectl version --client -o json | sed -n 's/.*"minor": "\([0-9]*\).*/\1/p' | head -1)
echo "kubectl 1.$minor against port $port"

# -- what is there ------------------------------------------------------------------------------
expect 'v1\.32\.0\+wireway' kubectl version
expect 'assets .*deviceregistry.microsoft.com/v1 .*Asset' kubectl api-resources
expect 'connectivity.iotoperations.azure.com/v1beta1' kubectl api-versions
expect 'azure-iot-operations +Active' kubectl get namespaces
expect 'brokerlisteners.mqttbroker.iotoperations.azure.com' kubectl get crds
expect 'No resources found in azure-iot-operations namespace' kubectl get assets

# -- manifests of two dialects ------------------------------------------------------------------
cat > oven.yaml << 'END'
apiVersion: deviceregistry.microsoft.com/v1beta1
kind: Asset
metadata: {name: oven, namespace: azure-iot-operations}
spec:
  displayName: Oven
  assetEndpointProfileUri: plc
  dataPoints:
    - {dataSource: 'ns=3;s=FastUInt10', capabilityId: Temperature, observabilityMode: none}
END
cat > listener.yaml << 'END'
apiVersion: mqttbroker.iotoperations.azure.com/v1
kind: BrokerListener
metadata: {name: default}
spec:
  brokerRef: default
  serviceType: loadBalancer
  ports: [{port: 1883, protocol: mqtt}, {port: 8083, protocol: websockets}]
END
expect 'asset.deviceregistry.microsoft.com/oven created' kubectl apply -f oven.yaml
expect 'brokerlistener.*/default created' kubectl apply -f listener.yaml
expect 'brokerlistener.*/default (unchanged|configured)' kubectl apply -f listener.yaml
expect '^NAME +ENDPOINT +ENABLED +READY +REASON +AGE' kubectl get assets
expect '^oven +plc +true' kubectl get assets
expect '^default +default +LoadBalancer +1883,8083' kubectl get brokerlisteners
expect 'azure-iot-operations +oven' kubectl get assets -A
expect 'asset.deviceregistry.microsoft.com/oven' kubectl get wireway -o name
expect 'MESSAGE' kubectl get assets -o wide
expect 'protocol: WebSockets' kubectl get brokerlistener default -o yaml
expect '^LoadBalancer$' kubectl get brokerlistener default -o 'jsonpath={.spec.serviceType}'
expect '^oven +Oven$' kubectl get assets --no-headers \
  -o custom-columns=NAME:.metadata.name,SHOWN:.spec.displayName
expect 'apiVersion: deviceregistry.microsoft.com/v1beta1' \
  kubectl get assets.v1beta1.deviceregistry.microsoft.com oven -o yaml
expect 'written-version: v1beta1' kubectl get asset oven -o yaml

# -- change -------------------------------------------------------------------------------------
expect 'labeled' kubectl label asset oven line=one
expect 'annotated' kubectl annotate asset oven note=hello
expect 'line=one' kubectl get assets --show-labels
expect '^oven' kubectl get assets -l line=one --no-headers
expect 'No resources found' kubectl get assets -l 'line in (two)'
expect '^oven' kubectl get assets --field-selector metadata.name=oven --no-headers
expect 'patched' kubectl patch asset oven --type merge -p '{"spec":{"displayName":"Merged"}}'
expect 'patched' kubectl patch asset oven --type json \
  -p '[{"op":"replace","path":"/spec/displayName","value":"Pointed"}]'
refuse 'application/merge-patch' kubectl patch asset oven --type strategic -p '{}'
expect 'edited' env KUBE_EDITOR="sed -i s/Pointed/Edited/" "$kubectl_bin" edit asset oven
expect '^Edited$' kubectl get asset oven -o 'jsonpath={.spec.displayName}'
expect '^Labels: +line=one' kubectl describe asset oven
kubectl get asset oven -o yaml > stale.yaml
expect 'labeled' kubectl label asset oven line=two --overwrite
refuse 'the object has been modified' kubectl replace -f stale.yaml
refuse 'configured|deviceregistry' kubectl diff -f oven.yaml

# -- refusals in the words that users know --------------------------------------------------------
sed 's/^  displayName:.*/  enabled: maybe/' oven.yaml > wrong_type.yaml
refuse 'enabled.*(must be of type boolean|invalid type)' kubectl apply -f wrong_type.yaml
sed 's/^  displayName:.*/  foo: 1/; s/name: oven/name: other/' oven.yaml > unknown.yaml
if [ "$minor" -ge 27 ]; then
  refuse 'strict decoding error: unknown field "spec.foo"' kubectl apply -f unknown.yaml
  expect 'Warning: unknown field "spec.foo"' kubectl apply --validate=warn -f unknown.yaml
  expect 'deleted' kubectl delete -f unknown.yaml
fi
sed 's/protocol: mqtt/protocol: carrier-pigeon/' listener.yaml > wrong_enum.yaml
refuse 'supported values: "Mqtt", "WebSockets"' kubectl apply -f wrong_enum.yaml
printf '%s' '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"twice"},' \
  '"data":{"a":"1","a":"2"}}' > twice.json
maps=/api/v1/namespaces/azure-iot-operations/configmaps
refuse 'duplicate field "data.a"' \
  kubectl create --raw "$maps?fieldValidation=Strict" -f twice.json
expect '"a":"2"' kubectl create --raw "$maps?fieldValidation=Ignore&dryRun=All" -f twice.json
refuse 'namespaces "nowhere" not found' kubectl create -n nowhere configmap c
refuse 'assets.deviceregistry.microsoft.com "none" not found' kubectl get asset none
refuse 'already exists' kubectl create -f listener.yaml

# -- status, wait, watch --------------------------------------------------------------------------
kubectl get assets -w > watch.out 2>&1 &
watch_pid=$!
until_seen '^oven' watch.out || failed=$((failed + 1))
status='{"status":{"conditions":[{"type":"Ready","status":"True","reason":"Connected"}]}}'
path=/apis/deviceregistry.microsoft.com/v1/namespaces/azure-iot-operations/assets/oven/status
kubectl wait --for=condition=Ready asset/oven --timeout=20s > wait.out 2>&1 &
wait_pid=$!
if [ "$minor" -ge 24 ]; then
  expect 'patched' kubectl patch asset oven --subresource=status --type=merge -p "$status"
else
  expect '"Connected"' curl -sS -X PATCH -H 'Content-Type: application/merge-patch+json' \
    -d "$status" "http://127.0.0.1:$port$path"
fi
wait "$wait_pid"
expect 'oven condition met' cat wait.out
until_seen '^oven .*True +Connected' watch.out || failed=$((failed + 1))
expect '^oven +plc +true +True +Connected' kubectl get assets

# -- events ---------------------------------------------------------------------------------------
uid=$(kubectl get asset oven -o 'jsonpath={.metadata.uid}')
cat > event.yaml << END
apiVersion: v1
kind: Event
metadata: {name: oven.1, namespace: azure-iot-operations}
involvedObject: {apiVersion: deviceregistry.microsoft.com/v1, kind: Asset, name: oven,
                 namespace: azure-iot-operations, uid: $uid}
reason: Connected
message: reads 1 value
type: Normal
count: 1
firstTimestamp: '2026-01-31T08:00:00Z'
lastTimestamp: '2026-01-31T08:00:00Z'
source: {component: opcua}
END
expect 'event/oven.1 created' kubectl create -f event.yaml
expect 'Connected +asset/oven +reads 1 value' kubectl get events
expect 'Normal +Connected .*opcua +reads 1 value' kubectl describe asset oven

# -- core kinds -----------------------------------------------------------------------------------
expect 'created' kubectl create secret generic login --from-literal=username=me
expect '^bWU=$' kubectl get secret login -o 'jsonpath={.data.username}'
expect '^login +Opaque +1' kubectl get secrets
expect 'created' kubectl create configmap ca --from-literal=ca.crt=x
cat > map.yaml << 'END'
apiVersion: v1
kind: ConfigMap
metadata: {name: applied}
data: {a: '1', b: '2'}
END
expect 'created' kubectl apply -f map.yaml
sed -i "s/a: '1', //" map.yaml
expect 'configured' kubectl apply -f map.yaml
expect '^\{"b":"2"\}$' kubectl get configmap applied -o 'jsonpath={.data}'
expect 'created' kubectl create namespace line-two
expect 'created' kubectl create configmap -n line-two c
expect 'deleted' kubectl delete namespace line-two --timeout=20s
refuse 'not found' kubectl get namespace line-two
refuse 'may not be deleted' kubectl delete namespace default

# -- a kind of the user's own ---------------------------------------------------------------------
cat > crd.yaml << 'END'
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: widgets.example.com}
spec:
  group: example.com
  scope: Namespaced
  names: {plural: widgets, kind: Widget, shortNames: [wd]}
  versions:
    - name: v1
      served: true
      storage: true
      schema:
        openAPIV3Schema:
          type: object
          properties:
            spec: {type: object, properties: {size: {type: integer, default: 3,
                   description: How large it is.}}}
END
expect 'widgets.example.com created' kubectl apply -f crd.yaml
expect 'condition met' kubectl wait --for=condition=Established crd/widgets.example.com
printf 'apiVersion: example.com/v1\nkind: Widget\nmetadata: {name: w}\nspec: {}\n' > widget.yaml
expect 'widget.example.com/w created' kubectl apply -f widget.yaml
expect '^3$' kubectl get wd w -o 'jsonpath={.spec.size}'
[ "$minor" -ge 27 ] && expect 'How large it is' kubectl explain widget.spec.size
sed 's/spec: {type: object, /&x-kubernetes-validations: [{rule: self.size < 9}], /' crd.yaml > rules.yaml
expect 'Warning: version v1: x-kubernetes-validations are kept but not evaluated' kubectl apply -f rules.yaml
expect 'condition met' kubectl wait --for=condition=PartlyServed crd/widgets.example.com
expect 'deleted' kubectl delete crd widgets.example.com
refuse 'resource type "widgets"|not find the requested resource' kubectl get widgets

# -- newer kubectl --------------------------------------------------------------------------------
if [ "$minor" -ge 27 ]; then
  expect 'Where to publish' kubectl explain asset.spec.defaultTopic
  expect 'samplingInterval|dataSource' kubectl explain asset.spec --recursive
  expect 'true|yes' kubectl auth can-i create assets
  expect 'local' kubectl auth whoami
  expect 'Connected' kubectl events --for asset/oven
  expect 'deviceregistry' kubectl get --raw /openapi/v3
fi

# -- server-side apply ----------------------------------------------------------------------------
printf '%s\n' 'apiVersion: deviceregistry.microsoft.com/v1' 'kind: Asset' \
  'metadata: {name: boiler}' 'spec: {assetEndpointProfileRef: plc, displayName: One}' > ssa.yaml
expect 'boiler serverside-applied' kubectl apply --server-side --field-manager=one -f ssa.yaml
sed -i 's/One/Two/' ssa.yaml
refuse 'conflict with "one".*|spec.displayName' \
  kubectl apply --server-side --field-manager=two -f ssa.yaml
expect 'boiler serverside-applied' \
  kubectl apply --server-side --field-manager=two --force-conflicts -f ssa.yaml
expect '^Two$' kubectl get asset boiler -o 'jsonpath={.spec.displayName}'

# -- from client-side apply to server-side apply and back ------------------------------------------
printf '%s\n' 'apiVersion: deviceregistry.microsoft.com/v1' 'kind: Asset' \
  'metadata: {name: mill}' \
  'spec: {assetEndpointProfileRef: plc, displayName: One, description: Old, model: M}' > mill.yaml
owners() {
  kubectl get asset mill --show-managed-fields -o \
    'jsonpath={range .metadata.managedFields[*]}{.manager}:{.operation} {.fieldsV1}{"\n"}{end}'
}
expect 'mill created' kubectl apply -f mill.yaml
expect '^kubectl-client-side-apply:Update .*f:description' owners
sed -i 's/, model: M//; s/One/Two/' mill.yaml
expect 'mill serverside-applied' kubectl apply --server-side -f mill.yaml
expect '^Two,$' kubectl get asset mill -o 'jsonpath={.spec.displayName},{.spec.model}'
expect '^kubectl:Apply .*f:description' owners
sed -i 's/, description: Old//' mill.yaml
expect 'mill serverside-applied' kubectl apply --server-side -f mill.yaml
expect '^,$' kubectl get asset mill -o 'jsonpath={.spec.description},'
sed -i 's/Two/Three/' mill.yaml
expect 'mill configured' kubectl apply -f mill.yaml
expect '^Three$' kubectl get asset mill -o 'jsonpath={.spec.displayName}'
sed -i 's/, displayName: Three//' mill.yaml
expect 'mill configured' kubectl apply -f mill.yaml
expect '^,$' kubectl get asset mill -o 'jsonpath={.spec.displayName},'
expect 'deleted' kubectl delete asset mill

# -- many objects, pages, kustomize ---------------------------------------------------------------
mkdir many
for i in $(seq 60); do
  printf -- '---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: m%s, labels: {set: many}}\n' "$i"
done > many/maps.yaml
printf 'resources: [maps.yaml]\nnamespace: azure-iot-operations\n' > many/kustomization.yaml
expect 'configmap/m60 created' kubectl apply -k many
count() { kubectl get configmaps -l set=many --chunk-size=7 --no-headers | wc -l; }
expect '^60$' count
expect '"remainingItemCount":' kubectl get --raw "$maps?limit=7"
refuse 'forbidden unless resourceVersion is provided' \
  kubectl get --raw "$maps?resourceVersionMatch=Exact"
expect 'deleted' kubectl delete configmaps -l set=many
expect '^0$' count

# -- nothing is lost with kill -9 -----------------------------------------------------------------
kill -9 "$server_pid"
wait "$server_pid" 2>/dev/null
start_server "$port"
expect '^oven +plc +true +True +Connected' kubectl get assets
expect 'deleted' kubectl delete asset oven boiler --cascade=foreground
expect 'No resources found' kubectl get assets

finish
