{{/* The level "restricted" of Pod Security Standards in full, for the pod. */}}
{{- define "orderflow.podSecurity" -}}
automountServiceAccountToken: false
enableServiceLinks: false
securityContext:
  runAsNonRoot: true
  runAsUser: {{ int64 .Values.securityContext.runAsUser }}
  runAsGroup: {{ int64 .Values.securityContext.runAsGroup }}
  fsGroup: {{ int64 .Values.securityContext.fsGroup }}
  # Otherwise every start walks through the whole store.
  fsGroupChangePolicy: OnRootMismatch
  seccompProfile:
    type: RuntimeDefault
{{- with .Values.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{/* Jobs and the test run on the nodes that the defaults name: the image may be for no others. */}}
{{- define "orderflow.placement" -}}
{{- with .Values.defaults.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.defaults.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{/* What every container begins with. */}}
{{- define "orderflow.container" -}}
image: {{ include "orderflow.image" . | quote }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities:
    drop: [ALL]
# What was said last stands in the pod's status, where `kubectl describe` shows it.
terminationMessagePolicy: FallbackToLogsOnError
{{- end -}}

{{/* The environment that all commands have in common. */}}
{{- define "orderflow.env" -}}
- name: ORDERFLOW_BOOTSTRAP
  value: {{ .Values.kafka.bootstrap | quote }}
- name: ORDERFLOW_GROUP_PROTOCOL
  value: {{ .Values.kafka.groupProtocol }}
- name: ORDERFLOW_REPLICATION
  value: {{ int .Values.kafka.replication | quote }}
{{- with include "orderflow.kafkaOptions" . }}
- name: ORDERFLOW_KAFKA_OPTIONS
  value: {{ . | quote }}
{{- end }}
{{- with .Values.kafka.sasl }}
{{- if .mechanism }}
- name: ORDERFLOW_KAFKA_SECRETS
  value: {{ if not .username }}sasl.username=/etc/orderflow/sasl/username,{{ end }}sasl.password=/etc/orderflow/sasl/password
{{- end }}
{{- end }}
{{- if .Values.registry.existingSecret }}
- name: ORDERFLOW_REGISTRY
  valueFrom:
    secretKeyRef: { name: {{ .Values.registry.existingSecret }}, key: {{ .Values.registry.urlKey }} }
{{- else if .Values.registry.url }}
- name: ORDERFLOW_REGISTRY
  value: {{ .Values.registry.url | quote }}
{{- end }}
- name: ORDERFLOW_LOG_FORMAT
  value: {{ .Values.log.format }}
{{- end -}}

{{/* What a processor has besides. The filter is a file, for what is in the environment changes with a restart only. */}}
{{- define "orderflow.watched" -}}
- name: ORDERFLOW_LOG_FILE
  value: /etc/orderflow/log/filter
{{- with .Values.tracing }}
{{- if .endpoint }}
- name: OTEL_EXPORTER_OTLP_ENDPOINT
  value: {{ .endpoint | quote }}
- name: ORDERFLOW_TRACE_RATIO
  value: {{ .ratio | quote }}
{{- if .existingSecret }}
- name: OTEL_EXPORTER_OTLP_HEADERS
  valueFrom:
    secretKeyRef: { name: {{ .existingSecret }}, key: {{ .headersKey }} }
{{- end }}
{{- end }}
{{- end }}
{{- end -}}

{{/* NAME=VALUE,…, and no secret among them: those are files. */}}
{{- define "orderflow.kafkaOptions" -}}
{{- $options := list -}}
{{- range $name, $value := .Values.kafka.options -}}
{{- /* Numbers arrive as floating point; printed as they are, a million would be 1e+06. */ -}}
{{- $options = append $options (printf "%s=%s" $name (kindIs "string" $value | ternary $value (toJson $value))) -}}
{{- end -}}
{{- $tls := .Values.kafka.tls -}}
{{- with .Values.kafka.sasl -}}
{{- if .mechanism -}}
{{- $options = append $options (ternary "security.protocol=SASL_SSL" "security.protocol=SASL_PLAINTEXT" $tls.enabled) -}}
{{- $options = append $options (printf "sasl.mechanisms=%s" .mechanism) -}}
{{- if .username -}}
{{- $options = append $options (printf "sasl.username=%s" .username) -}}
{{- end -}}
{{- else if $tls.enabled -}}
{{- $options = append $options "security.protocol=SSL" -}}
{{- end -}}
{{- end -}}
{{- if $tls.existingSecret -}}
{{- $options = append $options (printf "ssl.ca.location=/etc/orderflow/tls/%s" $tls.caKey) -}}
{{- if $tls.certKey -}}
{{- $options = append $options (printf "ssl.certificate.location=/etc/orderflow/tls/%s" $tls.certKey) -}}
{{- $options = append $options (printf "ssl.key.location=/etc/orderflow/tls/%s" $tls.keyKey) -}}
{{- end -}}
{{- end -}}
{{- join "," $options -}}
{{- end -}}

{{/* (root, processor, out): fills `out` with the root as this processor sees it, under its own name for Kafka. */}}
{{- define "orderflow.own" -}}
{{- $root := index . 0 -}}
{{- $it := index . 1 -}}
{{- $out := index . 2 -}}
{{- $values := deepCopy $root.Values -}}
{{- with $it.principal -}}
{{- if .saslSecret -}}
{{- $_ := set $values.kafka.sasl "existingSecret" .saslSecret -}}
{{- end -}}
{{- if .username -}}
{{- $_ := set $values.kafka.sasl "username" .username -}}
{{- end -}}
{{- if .tlsSecret -}}
{{- $_ := set $values.kafka.tls "existingSecret" .tlsSecret -}}
{{- end -}}
{{- end -}}
{{- range $key := list "Chart" "Release" "Files" "Capabilities" "Template" -}}
{{- $_ := set $out $key (get $root $key) -}}
{{- end -}}
{{- $_ := set $out "Values" $values -}}
{{- end -}}

{{- define "orderflow.mounts" -}}
{{- if .Values.kafka.sasl.mechanism }}
- name: kafka-sasl
  mountPath: /etc/orderflow/sasl
  readOnly: true
{{- end }}
{{- if .Values.kafka.tls.existingSecret }}
- name: kafka-tls
  mountPath: /etc/orderflow/tls
  readOnly: true
{{- end }}
{{- end -}}

{{- define "orderflow.volumes" -}}
{{- with .Values.kafka.sasl }}
{{- if .mechanism }}
- name: kafka-sasl
  secret:
    secretName: {{ .existingSecret }}
    defaultMode: 0440
    items:
      {{- if not .username }}
      - { key: {{ .usernameKey }}, path: username }
      {{- end }}
      - { key: {{ .passwordKey }}, path: password }
{{- end }}
{{- end }}
{{- with .Values.kafka.tls.existingSecret }}
- name: kafka-tls
  secret:
    secretName: {{ . }}
    defaultMode: 0440
{{- end }}
{{- end -}}

{{/* (root, component, name, args, resources): a container that does one command and ends. */}}
{{- define "orderflow.command" -}}
- name: {{ .name }}
  {{- include "orderflow.container" .root | nindent 2 }}
  args: {{ toJson .args }}
  env:
    {{- include "orderflow.env" .root | nindent 4 }}
    - name: ORDERFLOW_LOG
      value: {{ .root.Values.log.filter | quote }}
    {{- with .processor }}
    - name: PROCESSOR
      value: {{ . }}
    {{- end }}
  resources:
    {{- toYaml .resources | nindent 4 }}
  {{- with include "orderflow.mounts" .root | trim }}
  volumeMounts:
    {{- . | nindent 4 }}
  {{- end }}
{{- end -}}
