{{/* What values.schema.json cannot say. Everything that is wrong is said at once. */}}
{{- define "orderflow.validate" -}}
{{- $wrong := list -}}
{{- $contract := .Files.Get "generated/contract.yaml" | fromYaml -}}
{{- $known := keys $contract.processors | sortAlpha -}}
{{- range $name, $_ := .Values.processors -}}
{{- if not (has $name $known) -}}
{{- $wrong = append $wrong (printf "processors.%s: topics.yaml has no such processor; it has %s." $name (join ", " $known)) -}}
{{- end -}}
{{- end -}}
{{- $processors := dict -}}
{{- include "orderflow.processors" (list . $processors) -}}
{{- if not $processors -}}
{{- $wrong = append $wrong "processors: every one of them is disabled; there is nothing to install." -}}
{{- end -}}
{{- range $name, $it := $processors -}}
{{- $at := printf "processors.%s" $name -}}
{{- if and (not $it.autoscaling.enabled) (gt (int $it.replicas) $it.partitions) -}}
{{- $wrong = append $wrong (printf "%s.replicas: %d instances, but its topics have %d partitions, and an instance without a partition does nothing. Use at most %d." $at (int $it.replicas) $it.partitions $it.partitions) -}}
{{- end -}}
{{- if $it.autoscaling.enabled -}}
{{- if gt $it.instances $it.partitions -}}
{{- $wrong = append $wrong (printf "%s.autoscaling.maxReplicas: %d instances, but its topics have %d partitions, and an instance without a partition does nothing. Use at most %d." $at $it.instances $it.partitions $it.partitions) -}}
{{- end -}}
{{- if and $.Values.kafka.sasl.mechanism $.Values.kafka.sasl.username -}}
{{- $wrong = append $wrong (printf "%s.autoscaling: KEDA takes the user from the secret; leave kafka.sasl.username empty and name its key in kafka.sasl.usernameKey." $at) -}}
{{- end -}}
{{- if gt (int $it.autoscaling.minReplicas) $it.instances -}}
{{- $wrong = append $wrong (printf "%s.autoscaling: minReplicas %d is above maxReplicas %d." $at (int $it.autoscaling.minReplicas) $it.instances) -}}
{{- end -}}
{{- end -}}
{{- if and (or $it.principal.saslSecret $it.principal.username) (not $.Values.kafka.sasl.mechanism) -}}
{{- $wrong = append $wrong (printf "%s.principal: without kafka.sasl.mechanism nobody asks for a user and a password." $at) -}}
{{- end -}}
{{- if and $it.principal.tlsSecret (not $.Values.kafka.tls.existingSecret) -}}
{{- $wrong = append $wrong (printf "%s.principal.tlsSecret: it goes in place of kafka.tls.existingSecret, which is empty." $at) -}}
{{- end -}}
{{- if le (int $it.terminationGracePeriodSeconds) 10 -}}
{{- $wrong = append $wrong (printf "%s.terminationGracePeriodSeconds: %d seconds, but a transaction may take 10. A pod that is killed before it has committed does the work again after its restart. Use at least 11, better 60." $at (int $it.terminationGracePeriodSeconds)) -}}
{{- end -}}
{{- $pdb := $it.podDisruptionBudget -}}
{{- if and (not (kindIs "invalid" $pdb.minAvailable)) (not (kindIs "invalid" $pdb.maxUnavailable)) -}}
{{- $wrong = append $wrong (printf "%s.podDisruptionBudget: minAvailable and maxUnavailable exclude each other. Set one of them to null." $at) -}}
{{- end -}}
{{- if and $pdb.enabled (or (eq (toString $pdb.maxUnavailable) "0") (eq (toString $pdb.maxUnavailable) "0%") (eq (toString $pdb.minAvailable) "100%")) -}}
{{- $wrong = append $wrong (printf "%s.podDisruptionBudget: no pod may ever be evicted, so that no node can be drained." $at) -}}
{{- end -}}
{{- if and $pdb.enabled (not $it.autoscaling.enabled) (or (kindIs "float64" $pdb.minAvailable) (kindIs "int64" $pdb.minAvailable) (kindIs "int" $pdb.minAvailable)) -}}
{{- if and (ge (int $pdb.minAvailable) (int $it.replicas)) (gt (int $pdb.minAvailable) 0) -}}
{{- $wrong = append $wrong (printf "%s.podDisruptionBudget.minAvailable: %d of %d replicas, so that no node with one of them can be drained." $at (int $pdb.minAvailable) (int $it.replicas)) -}}
{{- end -}}
{{- end -}}
{{- $there := lookup "apps/v1" "StatefulSet" $.Release.Namespace $it.object -}}
{{- if $there -}}
{{- range (dig "spec" "volumeClaimTemplates" (list) $there) -}}
{{- $size := dig "spec" "resources" "requests" "storage" "" . -}}
{{- if and (eq (dig "metadata" "name" "" .) "data") (ne $size (toString $it.storage.size)) -}}
{{- $wrong = append $wrong (printf "%s.storage.size: the StatefulSet %q has %s, and Kubernetes lets nobody change it to %s. Enlarge its claims, then `kubectl delete statefulset %s --cascade=orphan`, which leaves the pods running, then upgrade (docs/KUBERNETES.md)." $at $it.object $size $it.storage.size $it.object) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- with .Values.kafka -}}
{{- if not .bootstrap -}}
{{- $wrong = append $wrong "kafka.bootstrap: say where Kafka is, for example --set kafka.bootstrap=kafka:9092 (commas in it as \\,)." -}}
{{- end -}}
{{- range $name, $value := .options -}}
{{- if contains "," (toString $value) -}}
{{- $wrong = append $wrong (printf "kafka.options.%s: a value with a comma cannot be handed on." $name) -}}
{{- end -}}
{{- if or (contains "password" $name) (contains "secret" $name) (contains "key.pem" $name) -}}
{{- $wrong = append $wrong (printf "kafka.options.%s: it would stand readable in every pod's specification. Use kafka.sasl.existingSecret or kafka.tls.existingSecret." $name) -}}
{{- end -}}
{{- if has $name (list "bootstrap.servers" "security.protocol" "sasl.mechanism" "sasl.mechanisms" "sasl.username" "ssl.ca.location" "ssl.certificate.location" "ssl.key.location") -}}
{{- $wrong = append $wrong (printf "kafka.options.%s: kafka.bootstrap, kafka.sasl and kafka.tls decide this." $name) -}}
{{- end -}}
{{- end -}}
{{- if and .sasl.mechanism (not .sasl.existingSecret) -}}
{{- $wrong = append $wrong (printf "kafka.sasl.existingSecret: %s needs a secret with the keys %q and %q." .sasl.mechanism .sasl.usernameKey .sasl.passwordKey) -}}
{{- end -}}
{{- if and .sasl.existingSecret (not .sasl.mechanism) -}}
{{- $wrong = append $wrong "kafka.sasl.mechanism: there is a secret, but no mechanism that uses it: PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512." -}}
{{- end -}}
{{- if and .tls.existingSecret (not .tls.enabled) -}}
{{- $wrong = append $wrong "kafka.tls.enabled: there is a secret for TLS, but TLS is off." -}}
{{- end -}}
{{- if ne (empty .tls.certKey) (empty .tls.keyKey) -}}
{{- $wrong = append $wrong "kafka.tls: certKey and keyKey belong together; a client has both or none." -}}
{{- end -}}
{{- if and .tls.certKey (not .tls.existingSecret) -}}
{{- $wrong = append $wrong "kafka.tls.existingSecret: a client certificate comes from a secret." -}}
{{- end -}}
{{- end -}}
{{- if and .Values.registry.url .Values.registry.existingSecret -}}
{{- $wrong = append $wrong "registry: url and existingSecret exclude each other." -}}
{{- end -}}
{{- if regexMatch "://[^/]*@" .Values.registry.url -}}
{{- $wrong = append $wrong "registry.url: a user and password in it would stand readable in every pod's specification. Put the URL into a secret and name it in registry.existingSecret." -}}
{{- end -}}
{{- if and (eq .Values.image.tag "latest") (not .Values.image.digest) -}}
{{- $wrong = append $wrong "image.tag: \"latest\" is another image tomorrow, so that a rollback would not bring today's back. Name a version or a digest." -}}
{{- end -}}
{{- if and .Values.networkPolicy.egress.enabled .Values.registry.existingSecret (not .Values.networkPolicy.egress.registryPorts) -}}
{{- $wrong = append $wrong "networkPolicy.egress.registryPorts: the registry's URL is in a secret, so its port has to be named." -}}
{{- end -}}
{{- $steps := list -}}
{{- range .Values.hook.steps -}}
{{- if or $.Values.registry.url $.Values.registry.existingSecret (not .registry) -}}
{{- $steps = append $steps . -}}
{{- end -}}
{{- end -}}
{{- if and .Values.hook.enabled (not $steps) -}}
{{- $wrong = append $wrong "hook.steps: all of them need a registry, and none is named. Name one, or set hook.enabled to false." -}}
{{- end -}}
{{- if and .Values.strimzi.enabled (not .Values.strimzi.cluster) -}}
{{- $wrong = append $wrong "strimzi.cluster: name the Kafka resource that the topics belong to." -}}
{{- end -}}
{{- if $wrong -}}
{{- fail (printf "\n\n%s\n" (join "\n" $wrong)) -}}
{{- end -}}
{{- end -}}
