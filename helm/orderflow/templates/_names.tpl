{{/* The release's name, with the chart's when the release has another. */}}
{{- define "orderflow.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride -}}
{{- else -}}
{{- $name := include "orderflow.name" . -}}
{{- contains $name .Release.Name | ternary .Release.Name (printf "%s-%s" .Release.Name $name) -}}
{{- end -}}
{{- end -}}

{{- define "orderflow.name" -}}
{{- default .Chart.Name .Values.nameOverride -}}
{{- end -}}

{{/* (root, suffix): the name of an object. Not cut: two long names could become one. 52 is what is left of a label's 63
     characters after the hash that Kubernetes adds to a StatefulSet's or the time it adds to a CronJob's. */}}
{{- define "orderflow.object" -}}
{{- $name := printf "%s-%s" (include "orderflow.fullname" (index . 0)) (index . 1) -}}
{{- if gt (len $name) 52 -}}
{{- fail (printf "\n\nThe name %q has %d characters, at most 52 are possible: give the release a shorter name, or set fullnameOverride." $name (len $name)) -}}
{{- end -}}
{{- $name -}}
{{- end -}}

{{/* (root, component): what selects pods; never changes. */}}
{{- define "orderflow.selectorLabels" -}}
app.kubernetes.io/name: {{ include "orderflow.name" (index . 0) }}
app.kubernetes.io/instance: {{ (index . 0).Release.Name }}
app.kubernetes.io/component: {{ index . 1 }}
{{- end -}}

{{/* (root, component): what describes an object. */}}
{{- define "orderflow.labels" -}}
{{- $root := index . 0 -}}
{{ include "orderflow.selectorLabels" . }}
app.kubernetes.io/version: {{ $root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ $root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" $root.Chart.Name $root.Chart.Version | replace "+" "_" }}
{{- end -}}

{{/* A digest names one image for ever, a tag does not. */}}
{{- define "orderflow.image" -}}
{{- with .Values.image -}}
{{- if .digest -}}
{{- printf "%s@%s" .repository .digest -}}
{{- else -}}
{{- printf "%s:%s" .repository (default $.Chart.AppVersion .tag) -}}
{{- end -}}
{{- end -}}
{{- end -}}
