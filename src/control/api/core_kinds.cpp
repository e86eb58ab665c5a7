// The kinds that every Kubernetes API server has, as far as edge services and their users need
// them, in the shape of CustomResourceDefinitions, so that one path serves them all.

#include "base/assert.h"
#include "base/yaml.h"
#include "control/api/catalog.h"

namespace wireway::control {
namespace {

const char* const core_kinds = R"yaml(
- metadata: {name: namespaces}
  spec:
    group: ''
    scope: Cluster
    names: {plural: namespaces, singular: namespace, kind: Namespace, shortNames: [ns]}
    selectableFields: [status.phase]
    versions:
      - name: v1
        served: true
        storage: true
        subresources: {status: {}}
        additionalPrinterColumns:
          - {name: Status, type: string, jsonPath: .status.phase}
          - {name: Age, type: date, jsonPath: .metadata.creationTimestamp}
        schema:
          openAPIV3Schema:
            type: object
            description: A space for names.
            properties:
              spec: {type: object, properties: {finalizers: {type: array, items: {type: string}}}}
              status:
                type: object
                properties:
                  phase: {type: string}
                  conditions:
                    type: array
                    items: {type: object, x-kubernetes-preserve-unknown-fields: true}
- metadata: {name: secrets}
  spec:
    group: ''
    names: {plural: secrets, singular: secret, kind: Secret}
    selectableFields: [type]
    versions:
      - name: v1
        served: true
        storage: true
        additionalPrinterColumns:
          - {name: Type, type: string, jsonPath: .type}
          - {name: Data, type: count, jsonPath: .data}
          - {name: Age, type: date, jsonPath: .metadata.creationTimestamp}
        schema:
          openAPIV3Schema:
            type: object
            description: Bytes that are not for everyone's eyes, by key.
            properties:
              type: {type: string, description: What the Secret is used for.}
              immutable: {type: boolean}
              data: {type: object, nullable: true, description: Values in base64.,
                     additionalProperties: {type: string, nullable: true, format: byte}}
              stringData: {type: object, nullable: true,
                           description: Values as text; written into data and never read back.,
                           additionalProperties: {type: string}}
- metadata: {name: configmaps}
  spec:
    group: ''
    names: {plural: configmaps, singular: configmap, kind: ConfigMap, shortNames: [cm]}
    versions:
      - name: v1
        served: true
        storage: true
        additionalPrinterColumns:
          - {name: Data, type: count, jsonPath: ".['data','binaryData']"}
          - {name: Age, type: date, jsonPath: .metadata.creationTimestamp}
        schema:
          openAPIV3Schema:
            type: object
            description: Texts by key.
            properties:
              immutable: {type: boolean}
              data: {type: object, nullable: true, additionalProperties: {type: string}}
              binaryData: {type: object, nullable: true,
                           additionalProperties: {type: string, format: byte}}
- metadata: {name: events}
  spec:
    group: ''
    names: {plural: events, singular: event, kind: Event, shortNames: [ev]}
    selectableFields: [involvedObject.kind, involvedObject.namespace, involvedObject.name,
      involvedObject.uid, involvedObject.apiVersion, involvedObject.resourceVersion,
      involvedObject.fieldPath, reason, reportingComponent, source, type]
    versions:
      - name: v1
        served: true
        storage: true
        additionalPrinterColumns:
          - {name: Last Seen, type: date, jsonPath: .lastTimestamp}
          - {name: Type, type: string, jsonPath: .type}
          - {name: Reason, type: string, jsonPath: .reason}
          - {name: Object, type: reference, jsonPath: .involvedObject}
          - {name: Source, type: string, priority: 1, jsonPath: .source.component}
          - {name: Message, type: string, jsonPath: .message}
          - {name: First Seen, type: date, priority: 1, jsonPath: .firstTimestamp}
          - {name: Count, type: integer, priority: 1, jsonPath: .count}
        schema:
          openAPIV3Schema:
            type: object
            description: What happened to an object, for people.
            properties:
              involvedObject: &reference
                type: object
                properties:
                  apiVersion: {type: string}
                  fieldPath: {type: string}
                  kind: {type: string}
                  name: {type: string}
                  namespace: {type: string}
                  resourceVersion: {type: string}
                  uid: {type: string}
              related: *reference
              reason: {type: string}
              message: {type: string}
              source: &source
                type: object
                properties: {component: {type: string}, host: {type: string}}
              firstTimestamp: {type: string, nullable: true, format: date-time}
              lastTimestamp: {type: string, nullable: true, format: date-time}
              eventTime: {type: string, nullable: true, format: date-time}
              count: {type: integer}
              type: {type: string}
              action: {type: string}
              reportingComponent: {type: string}
              reportingInstance: {type: string}
              series: &series
                type: object
                nullable: true
                properties:
                  count: {type: integer}
                  lastObservedTime: {type: string, format: date-time}
- metadata: {name: events.events.k8s.io}
  spec:
    group: events.k8s.io
    viewOf: events
    names: {plural: events, singular: event, kind: Event, shortNames: [ev]}
    selectableFields: [regarding.kind, regarding.namespace, regarding.name, regarding.uid, reason,
      reportingController, type]
    versions:
      - name: v1
        served: true
        storage: true
        additionalPrinterColumns:
          - {name: Last Seen, type: date, jsonPath: .deprecatedLastTimestamp}
          - {name: Type, type: string, jsonPath: .type}
          - {name: Reason, type: string, jsonPath: .reason}
          - {name: Object, type: reference, jsonPath: .regarding}
          - {name: Message, type: string, jsonPath: .note}
        schema:
          openAPIV3Schema:
            type: object
            description: The core group's events in their newer shape.
            properties:
              regarding: *reference
              related: *reference
              reason: {type: string}
              note: {type: string}
              type: {type: string}
              action: {type: string}
              eventTime: {type: string, nullable: true, format: date-time}
              reportingController: {type: string}
              reportingInstance: {type: string}
              series: *series
              deprecatedSource: *source
              deprecatedFirstTimestamp: {type: string, nullable: true, format: date-time}
              deprecatedLastTimestamp: {type: string, nullable: true, format: date-time}
              deprecatedCount: {type: integer}
- metadata: {name: serviceaccounts}
  spec:
    group: ''
    names: {plural: serviceaccounts, singular: serviceaccount, kind: ServiceAccount, shortNames: [sa]}
    versions:
      - name: v1
        served: true
        storage: true
        additionalPrinterColumns:
          - {name: Secrets, type: count, jsonPath: .secrets}
          - {name: Age, type: date, jsonPath: .metadata.creationTimestamp}
        schema:
          openAPIV3Schema:
            type: object
            description: Who a program is; its tokens are made by the token subresource.
            properties:
              automountServiceAccountToken: {type: boolean}
              secrets: {type: array, items: {type: object, x-kubernetes-preserve-unknown-fields: true}}
              imagePullSecrets:
                type: array
                items: {type: object, properties: {name: {type: string}}}
- metadata: {name: clusterroles.rbac.authorization.k8s.io}
  spec:
    group: rbac.authorization.k8s.io
    scope: Cluster
    names: {plural: clusterroles, singular: clusterrole, kind: ClusterRole}
    versions:
      - name: v1
        served: true
        storage: true
        additionalPrinterColumns:
          - {name: Created At, type: string, jsonPath: .metadata.creationTimestamp}
        schema:
          openAPIV3Schema:
            type: object
            description: Rights, to be granted by a binding in a namespace or everywhere.
            properties:
              rules: &rules
                type: array
                nullable: true
                description: What may be done; rules add up, none takes away.
                items:
                  type: object
                  required: [verbs]
                  properties:
                    verbs: {type: array, minItems: 1, items: {type: string}, description: "get, list, watch,
                        create, update, patch, delete, deletecollection, or *."}
                    apiGroups: {type: array, items: {type: string}}
                    resources: {type: array, items: {type: string},
                                description: "assets, assets/status, or *."}
                    resourceNames: {type: array, items: {type: string},
                                    description: Only objects with these names.}
                    nonResourceURLs: {type: array, items: {type: string},
                                      description: "Paths that are no object's: /metrics or /logs/*."}
              aggregationRule:
                type: object
                nullable: true
                description: The rules are the union of those of the roles with one of these sets of labels.
                properties:
                  clusterRoleSelectors:
                    type: array
                    items:
                      type: object
                      properties:
                        matchLabels: {type: object, additionalProperties: {type: string}}
- metadata: {name: roles.rbac.authorization.k8s.io}
  spec:
    group: rbac.authorization.k8s.io
    names: {plural: roles, singular: role, kind: Role}
    versions:
      - name: v1
        served: true
        storage: true
        additionalPrinterColumns:
          - {name: Created At, type: string, jsonPath: .metadata.creationTimestamp}
        schema:
          openAPIV3Schema:
            type: object
            description: Rights in one namespace, to be granted by a binding there.
            properties: {rules: *rules}
- metadata: {name: clusterrolebindings.rbac.authorization.k8s.io}
  spec:
    group: rbac.authorization.k8s.io
    scope: Cluster
    names: {plural: clusterrolebindings, singular: clusterrolebinding, kind: ClusterRoleBinding}
    versions:
      - &binding_version
        name: v1
        served: true
        storage: true
        additionalPrinterColumns:
          - {name: Role, type: string, jsonPath: .roleRef.name}
          - {name: Age, type: date, jsonPath: .metadata.creationTimestamp}
        schema:
          openAPIV3Schema:
            type: object
            description: Grants the rights of a role to users, groups and ServiceAccounts.
            required: [roleRef]
            properties:
              roleRef:
                type: object
                required: [kind, name]
                description: The role; cannot be changed.
                properties:
                  apiGroup: {type: string, default: rbac.authorization.k8s.io}
                  kind: {type: string, enum: [ClusterRole, Role]}
                  name: {type: string, minLength: 1}
              subjects:
                type: array
                nullable: true
                description: Who gets the rights.
                items:
                  type: object
                  required: [kind, name]
                  properties:
                    apiGroup: {type: string}
                    kind: {type: string, enum: [User, Group, ServiceAccount]}
                    name: {type: string, minLength: 1}
                    namespace: {type: string, description: Of a ServiceAccount.}
- metadata: {name: rolebindings.rbac.authorization.k8s.io}
  spec:
    group: rbac.authorization.k8s.io
    names: {plural: rolebindings, singular: rolebinding, kind: RoleBinding}
    versions: [*binding_version]
- metadata: {name: leases.coordination.k8s.io}
  spec:
    group: coordination.k8s.io
    names: {plural: leases, singular: lease, kind: Lease}
    versions:
      - name: v1
        served: true
        storage: true
        additionalPrinterColumns:
          - {name: Holder, type: string, jsonPath: .spec.holderIdentity}
          - {name: Age, type: date, jsonPath: .metadata.creationTimestamp}
        schema:
          openAPIV3Schema:
            type: object
            description: Who leads, for how long.
            properties:
              spec:
                type: object
                properties:
                  holderIdentity: {type: string}
                  leaseDurationSeconds: {type: integer}
                  acquireTime: {type: string, nullable: true, format: date-time}
                  renewTime: {type: string, nullable: true, format: date-time}
                  leaseTransitions: {type: integer}
                  strategy: {type: string}
                  preferredHolder: {type: string}
- metadata: {name: customresourcedefinitions.apiextensions.k8s.io}
  spec:
    group: apiextensions.k8s.io
    scope: Cluster
    names: {plural: customresourcedefinitions, singular: customresourcedefinition,
            kind: CustomResourceDefinition, shortNames: [crd, crds], categories: [api-extensions]}
    versions:
      - name: v1
        served: true
        storage: true
        subresources: {status: {}}
        additionalPrinterColumns:
          - {name: Created At, type: string, jsonPath: .metadata.creationTimestamp}
        schema:
          openAPIV3Schema:
            type: object
            description: A kind of the user's own.
            required: [spec]
            properties:
              spec:
                type: object
                required: [group, names, scope, versions]
                properties:
                  group: {type: string}
                  scope: {type: string, enum: [Cluster, Namespaced]}
                  preserveUnknownFields: {type: boolean}
                  conversion: {type: object, x-kubernetes-preserve-unknown-fields: true}
                  names:
                    type: object
                    required: [plural, kind]
                    properties:
                      plural: {type: string}
                      singular: {type: string}
                      kind: {type: string}
                      listKind: {type: string}
                      shortNames: {type: array, items: {type: string}}
                      categories: {type: array, items: {type: string}}
                  versions:
                    type: array
                    items:
                      type: object
                      required: [name, served, storage]
                      properties:
                        name: {type: string}
                        served: {type: boolean}
                        storage: {type: boolean}
                        deprecated: {type: boolean}
                        deprecationWarning: {type: string}
                        schema: {type: object, x-kubernetes-preserve-unknown-fields: true}
                        subresources: {type: object, x-kubernetes-preserve-unknown-fields: true}
                        selectableFields:
                          type: array
                          items: {type: object, properties: {jsonPath: {type: string}}}
                        additionalPrinterColumns:
                          type: array
                          items:
                            type: object
                            required: [name, type, jsonPath]
                            properties:
                              name: {type: string}
                              type: {type: string}
                              format: {type: string}
                              description: {type: string}
                              priority: {type: integer}
                              jsonPath: {type: string}
              status:
                type: object
                properties:
                  acceptedNames: {type: object, x-kubernetes-preserve-unknown-fields: true}
                  storedVersions: {type: array, items: {type: string}}
                  conditions:
                    type: array
                    items: {type: object, x-kubernetes-preserve-unknown-fields: true}
)yaml";

}  // namespace

const std::vector<json::value>& core_definitions() {
  static const std::vector<json::value> definitions = [] {
    auto documents = parse_yaml(core_kinds);
    WIREWAY_ASSERT(documents && documents->size() == 1, "the core kinds are one YAML document");
    const json::array& list = documents->front().value.as_array();
    return std::vector<json::value>(list.begin(), list.end());
  }();
  return definitions;
}

}  // namespace wireway::control
