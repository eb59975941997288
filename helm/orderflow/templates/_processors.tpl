{{/* (into, from): puts `from` over `into`, map by map. Not mergeOverwrite, to which false, 0 and "" are no values. */}}
{{- define "orderflow.merge" -}}
{{- $into := index . 0 -}}
{{- range $key, $value := index . 1 -}}
{{- if and (kindIs "map" $value) (kindIs "map" (get $into $key)) -}}
{{- include "orderflow.merge" (list (get $into $key) $value) -}}
{{- else -}}
{{- $_ := set $into $key $value -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* (root, out): fills `out` with the enabled processors by name: defaults, what the values say, what topics.yaml says. */}}
{{- define "orderflow.processors" -}}
{{- $root := index . 0 -}}
{{- $out := index . 1 -}}
{{- $contract := $root.Files.Get "generated/contract.yaml" | fromYaml -}}
{{- range $name, $declared := $contract.processors -}}
{{- $it := deepCopy $root.Values.defaults -}}
{{- include "orderflow.merge" (list $it (deepCopy (default dict (get $root.Values.processors $name)))) -}}
{{- $_ := set $it "name" $name -}}
{{- $_ := set $it "object" (include "orderflow.object" (list $root $name)) -}}
{{- $_ := set $it "partitions" (int $declared.partitions) -}}
{{- $_ := set $it "inputs" $declared.inputs -}}
{{- $_ := set $it "instances" (int (ternary (default $it.partitions $it.autoscaling.maxReplicas) $it.replicas $it.autoscaling.enabled)) -}}
{{- if $it.enabled -}}
{{- $_ := set $out $name $it -}}
{{- end -}}
{{- end -}}
{{- end -}}
