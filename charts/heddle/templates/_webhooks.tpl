{{/* What all webhooks have in common. Nothing that is written at runtime stands here: with a certificate of
Heddle's own, the leader writes caBundle, as a field manager of its own. */}}
{{- define "heddle.webhook" -}}
admissionReviewVersions: [v1]
sideEffects: None
clientConfig:
  service:
    name: {{ include "heddle.name" .root }}
    namespace: {{ .root.Release.Namespace }}
    path: {{ .path }}
    port: 443
  {{- if eq .root.Values.webhook.certificate.from "secret" }}
  caBundle: {{ .root.Values.webhook.certificate.caBundle | b64enc }}
  {{- end }}
{{- end }}

{{- define "heddle.webhookAnnotations" -}}
# Azure's admission enforcer would add to the selectors, and be put right by GitOps, without end.
admissions.enforcer/disabled: "true"
{{- if eq .Values.webhook.certificate.from "cert-manager" }}
cert-manager.io/inject-ca-from: {{ .Release.Namespace }}/{{ include "heddle.name" . }}-webhook
{{- end }}
{{- end }}

{{- define "heddle.injection" -}}
{{ include "heddle.webhook" (dict "root" . "path" "/inject") }}
rules:
  - operations: [CREATE]
    apiGroups: [""]
    apiVersions: [v1]
    resources: [pods]
    scope: Namespaced
failurePolicy: Fail
reinvocationPolicy: {{ .Values.sidecarInjectorWebhook.reinvocationPolicy }}
timeoutSeconds: 10 # more than Heddle gives itself for an answer
{{- end }}

{{/* Which pods come to us, by Istio's rules: those that name `revision`, themselves or by their namespace. */}}
{{- define "heddle.injectors" -}}
- name: rev.namespace.sidecar-injector.heddle.io
  {{- include "heddle.injection" .root | nindent 2 }}
  namespaceSelector:
    matchExpressions:
      - {key: istio.io/rev, operator: In, values: [{{ .revision | quote }}]}
      - {key: istio-injection, operator: DoesNotExist}
  objectSelector:
    matchExpressions:
      - {key: sidecar.istio.io/inject, operator: NotIn, values: ["false"]}
- name: rev.object.sidecar-injector.heddle.io
  {{- include "heddle.injection" .root | nindent 2 }}
  namespaceSelector:
    matchExpressions:
      - {key: istio.io/rev, operator: DoesNotExist}
      - {key: istio-injection, operator: DoesNotExist}
  objectSelector:
    matchExpressions:
      - {key: sidecar.istio.io/inject, operator: NotIn, values: ["false"]}
      - {key: istio.io/rev, operator: In, values: [{{ .revision | quote }}]}
{{- if eq .revision "default" }}
{{- include "heddle.defaultInjectors" .root | nindent 0 }}
{{- end }}
{{- end }}

{{/* And those that name no revision. */}}
{{- define "heddle.defaultInjectors" -}}
- name: namespace.sidecar-injector.heddle.io
  {{- include "heddle.injection" . | nindent 2 }}
  namespaceSelector:
    matchExpressions:
      - {key: istio-injection, operator: In, values: [enabled]}
  objectSelector:
    matchExpressions:
      - {key: sidecar.istio.io/inject, operator: NotIn, values: ["false"]}
- name: object.sidecar-injector.heddle.io
  {{- include "heddle.injection" . | nindent 2 }}
  namespaceSelector:
    matchExpressions:
      - {key: istio-injection, operator: DoesNotExist}
      - {key: istio.io/rev, operator: DoesNotExist}
  objectSelector:
    matchExpressions:
      - {key: sidecar.istio.io/inject, operator: In, values: ["true"]}
      - {key: istio.io/rev, operator: DoesNotExist}
{{- if .Values.sidecarInjectorWebhook.enableNamespacesByDefault }}
- name: auto.sidecar-injector.heddle.io
  {{- include "heddle.injection" . | nindent 2 }}
  namespaceSelector:
    matchExpressions:
      - {key: istio-injection, operator: DoesNotExist}
      - {key: istio.io/rev, operator: DoesNotExist}
      - key: kubernetes.io/metadata.name
        operator: NotIn
        values: [kube-system, kube-public, kube-node-lease, local-path-storage, {{ .Release.Namespace }}]
  objectSelector:
    matchExpressions:
      - {key: sidecar.istio.io/inject, operator: DoesNotExist}
      - {key: istio.io/rev, operator: DoesNotExist}
{{- end }}
{{- end }}

{{/* Objects with a label are for that revision; the ones without belong to the default. */}}
{{- define "heddle.validation" -}}
{{ include "heddle.webhook" (dict "root" . "path" "/validate") }}
rules:
  - operations: [CREATE, UPDATE]
    apiGroups: [networking.istio.io, security.istio.io]
    apiVersions: ["*"]
    resources: ["*"]
    scope: Namespaced
failurePolicy: {{ .Values.validation.failurePolicy }}
timeoutSeconds: 10 # as above
{{- end }}
