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
{{- with .Values.kafka.sasl }}
{{- if .mechanism }}
- name: KAFKA_USERNAME
  valueFrom:
    secretKeyRef: { name: {{ .existingSecret }}, key: {{ .usernameKey }} }
- name: KAFKA_PASSWORD
  valueFrom:
    secretKeyRef: { name: {{ .existingSecret }}, key: {{ .passwordKey }} }
{{- end }}
{{- end }}
{{- with include "orderflow.kafkaOptions" . }}
- name: ORDERFLOW_KAFKA_OPTIONS
  value: {{ . | quote }}
{{- end }}
{{- if .Values.registry.existingSecret }}
- name: ORDERFLOW_REGISTRY
  valueFrom:
    secretKeyRef: { name: {{ .Values.registry.existingSecret }}, key: {{ .Values.registry.urlKey }} }
{{- else if .Values.registry.url }}
- name: ORDERFLOW_REGISTRY
  value: {{ .Values.registry.url | quote }}
{{- end }}
- name: ORDERFLOW_LOG
  value: {{ .Values.log.filter | quote }}
- name: ORDERFLOW_LOG_FORMAT
  value: {{ .Values.log.format }}
{{- end -}}

{{/* NAME=VALUE,…: Kubernetes puts the secrets in when it starts the container, so that they stand in no object. */}}
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
{{- $options = concat $options (list "sasl.username=$(KAFKA_USERNAME)" "sasl.password=$(KAFKA_PASSWORD)") -}}
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

{{- define "orderflow.mounts" -}}
{{- if .Values.kafka.tls.existingSecret }}
- name: kafka-tls
  mountPath: /etc/orderflow/tls
  readOnly: true
{{- end }}
{{- end -}}

{{- define "orderflow.volumes" -}}
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
