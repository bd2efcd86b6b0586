{{/* What Istio calls istiod[-<revision>]. */}}
{{- define "heddle.name" -}}
heddle{{ with .Values.revision }}-{{ . }}{{ end }}
{{- end }}

{{/* The name of what is not in a namespace: two releases may lie in two namespaces. */}}
{{- define "heddle.clusterName" -}}
{{ include "heddle.name" . }}-{{ .Release.Namespace }}
{{- end }}

{{- define "heddle.revision" -}}
{{ .Values.revision | default "default" }}
{{- end }}

{{/* These never change while a release lives: a Deployment's selector cannot. */}}
{{- define "heddle.selector" -}}
app.kubernetes.io/name: heddle
app.kubernetes.io/instance: {{ .Release.Name | quote }}
istio.io/rev: {{ include "heddle.revision" . | quote }}
{{- end }}

{{- define "heddle.labels" -}}
{{ include "heddle.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/part-of: heddle
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}

{{/* MeshConfig: what is for the whole mesh lies in our namespace, unless said otherwise. */}}
{{- define "heddle.mesh" -}}
{{ mergeOverwrite (dict "rootNamespace" .Release.Namespace) .Values.meshConfig | toYaml }}
{{- end }}

{{/* What the injector is told; the image that redirects traffic is of our own version. */}}
{{- define "heddle.injectionValues" -}}
{{- $init := dict "image" (.Values.injection.global.proxy_init.image | default (printf "heddle/heddle-init:%s" .Chart.AppVersion)) -}}
{{ mergeOverwrite (deepCopy .Values.injection) (dict "global" (dict "proxy_init" $init)) | toYaml }}
{{- end }}
